// History: which snapshots a repository keeps, and what they need (docs/format.md, 8): what check verifies, garbage
// collection spares and a mirror copies. One thread.
#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "fs/format/catalog.h"
#include "fs/format/names.h"
#include "fs/format/profile.h"
#include "fs/format/record.h"
#include "fs/format/snapshot.h"

namespace granary {

// Where the walk begins.
struct KeptName {
  std::string what;    // "branch main", for people
  std::string branch;  // its history is kept too; empty: this snapshot alone
  Statement statement;
};
// Every branch and tag, and the states that statements limited to paths build on: a client compares them.
Result<std::vector<KeptName>> kept_names(const Record& record, const Names& names);

// What the log names beside the branches: every names object, and every retention that was ever announced.
struct LogSurvey {
  std::set<Digest> names;
  std::map<std::string, std::vector<Retention>> retentions;  // by branch
};
// Walks down the log from `head`, by digest, adding what it finds; stops above revision `until`.
Status survey_log(const Record& head, uint64_t until, const FetchRecord& fetch, ObjectReader& objects,
                  LogSurvey& survey);
void add_retentions(const Names& names, LogSurvey& survey);

// The plans and traces of a snapshot's profiles, those that `root` believes: what else is kept with it.
std::vector<ObjectId> profile_objects(const Root& root, const Names& names, const SnapshotId& snapshot);

class History {
 public:
  struct Found {
    Snapshot snapshot;
    std::vector<std::string> names;  // what reaches it: "branch main"
  };

  // `now`: which retentions are in force.
  History(ObjectReader& objects, UnixSeconds now) : objects_(objects), now_(now) {}

  // A snapshot that cannot be read: an error ends the walk, success goes on beside it.
  using Failed = std::function<Status(const SnapshotId& id, const std::string& name, const Error& error)>;

  // Adds what `name` keeps under the retention of `names`. A snapshot that is missing because a retention of `survey`,
  // though replaced since, had let it go is no failure. May be called again when the name has moved.
  Status add(const KeptName& name, const Names& names, const LogSurvey& survey, const Failed& failed);

  const std::map<SnapshotId, Found>& found() const { return found_; }

 private:
  struct Step {
    SnapshotId id;
    uint64_t generation;  // 0: the newest
    UnixSeconds until;    // when its successor came
  };
  bool lets_go(const Retention& retention, const Step& step) const;

  ObjectReader& objects_;
  const UnixSeconds now_;
  std::map<SnapshotId, Found> found_;
  std::map<std::string, std::set<SnapshotId>> visited_;  // by name
};

// Every slice of every regular file that is no hole.
Status each_slice(Catalog& catalog, const std::function<void(const Entry& file, const Slice& slice)>& visit);
// All slices of a file.
Result<std::vector<Slice>> slices_of(Catalog& catalog, const Entry& file);

}  // namespace granary
