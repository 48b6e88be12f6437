// LogCheck: verifies the head bundle, the root documents and the whole record log of a repository directory
// (docs/format.md, 7): signatures by the roots in force, the chain and its skip list, and that every record changed
// only what its signers may change. Part of the checker. One thread.
#pragma once

#include <functional>
#include <optional>

#include "fs/format/trust.h"
#include "server/history.h"

namespace granary {

class LogCheck {
 public:
  // `thing` and what is wrong with it.
  using Broken = std::function<void(const std::string& thing, const std::string& what)>;
  using OnProgress = std::function<void(uint64_t done, uint64_t total)>;

  // Borrows the reader. `note` hears what is worth knowing, but no fault.
  LogCheck(std::string top, ObjectReader& reader, Broken on_broken, Broken on_note, OnProgress on_progress)
      : directory_(std::move(top)),
        objects_(reader),
        broken_(std::move(on_broken)),
        note_(std::move(on_note)),
        progress_(std::move(on_progress)) {}

  void run(const std::optional<TrustFile>& trust);

  // Filled by `run`.
  std::optional<VerifiedHead> head;  // nothing when it cannot be believed: then nothing else can be checked
  Names names;                       // of the head; empty when they cannot be read
  LogSurvey survey;
  uint64_t records = 0;
  std::vector<PathConstraint> constraints;  // of all statements ever made, each once

 private:
  struct Link {
    Record record;
    std::optional<Names> names;
  };

  void check_roots();
  void check_log();
  std::optional<Record> read_record(uint64_t revision);
  std::optional<Names> read_names(const Record& record);
  void check_pair(const Link& older, const Link& newer);
  void check_statements(const Link* older, const Link& newer);
  void check_statement(const std::string& thing, const Record& record, Statement::Kind kind, const std::string& name,
                       const Envelope& envelope, const Envelope* before);
  const Root* root_of(const Record& record) const;

  const std::string directory_;
  ObjectReader& objects_;
  const Broken broken_, note_;
  const OnProgress progress_;
  std::vector<Envelope> root_envelopes_;
  std::vector<Root> roots_;                    // every one, from version 1
  std::map<uint64_t, RecordDigest> expected_;  // what newer records say of older ones
  std::optional<std::pair<Digest, Names>> last_names_;
};

}  // namespace granary
