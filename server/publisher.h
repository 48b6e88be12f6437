// Publisher: from a source to a committed snapshot. The top of the writing side: `publish` reads as its table of
// contents.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "fs/format/catalog.h"
#include "server/change_set.h"
#include "server/content_index.h"
#include "server/profiles.h"
#include "server/repository.h"
#include "server/staging.h"

namespace granary {

struct PublishOptions {
  std::string source;  // a directory, a tar file, "-" for a tar on standard input
  std::string branch = "main";
  std::string tag;        // none when empty
  std::string message;    // UTF-8
  std::string subpath;    // replaces this subtree of the branch; everything when empty
  unsigned jobs = 0;      // 0: as many as cores
  bool checksum = false;  // read every file, whatever its times say
  Encoding encoding;
  // Small files that a trace touched are packed together, in order of first touch: that of the branch's profile of this
  // name, or `trace` itself, which then is attached under the name, if there is one.
  std::string profile;
  std::optional<Trace> trace;
  // A branch that is not there yet begins as this snapshot of another one, which is no parent of what is published.
  std::optional<Statement> start;
  bool repack = true;  // false: what is stored already stays where it lies
};

struct Published {
  SnapshotId snapshot;
  Digest tree;
  CatalogId catalog;
  std::string branch;
  uint64_t revision = 0;
  bool changed = false;  // false: the branch was like this already, and nothing was committed
  bool merged = false;   // another publisher's changes came in between and were kept
  uint64_t entries = 0;
  uint64_t bytes = 0;
  uint64_t changes = 0;  // paths put or removed
  uint64_t files_read = 0;
  uint64_t files_recognised = 0;  // unchanged by size and times, not read
  uint64_t new_objects = 0;
  uint64_t new_bytes = 0;                // as stored
  std::vector<CarriedProfile> profiles;  // of the snapshot before, and what became of them
};

// Called from time to time with what has been seen so far.
struct PublishProgress {
  uint64_t entries = 0;
  uint64_t bytes = 0;
  const char* step = "";
};
using OnProgress = std::function<void(const PublishProgress&)>;

//   kConflict  another publisher changed the same paths: the message lists them, nothing was committed
//   kNotFound  the branch has no such profile; kWrongRepository: the trace was recorded on another repository
Result<Published> publish(Repository& repository, const PublishOptions& options, const OnProgress& on_progress);

// What was stored for a change set before it is published.
struct StoredContents {
  Staging* staging = nullptr;     // where, committed; null when nothing was
  ContentIndex* index = nullptr;  // prepared for the base; told of the commit. Null: nothing is noted, nor re-packed
  uint64_t plain_bytes = 0;       // how much was new
  const Trace* trace = nullptr;   // what it touched is packed together
};

// The second half, for whoever has a change set already: applies it to the branch and commits. `base`: what the changes
// are relative to.
Result<Published> publish_changes(Repository& repository, const PublishOptions& options, const ChangeSet& changes,
                                  const std::optional<Statement>& base, const StoredContents& stored);

}  // namespace granary
