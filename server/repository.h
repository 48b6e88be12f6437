// Repository: a repository directory as its publisher sees it (docs/format.md, 2 and 8), and the one way to change
// what its head says. A Repository is safe from many threads and processes: changes are compare-and-swap under a lock.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "fs/format/head_bundle.h"
#include "fs/format/names.h"
#include "fs/format/profile.h"
#include "fs/format/record.h"
#include "fs/format/root.h"
#include "fs/format/snapshot.h"
#include "fs/format/trust_file.h"
#include "fs/store/dir_store.h"
#include "server/head_writer.h"
#include "server/keys.h"

namespace granary {

// What the head says, verified with the repository's own trust file.
struct RepositoryState {
  HeadBundle bundle;
  Root root;  // the newest
  Record record;
  RecordDigest record_digest;
  Names names;

  // The statement of a branch. kNotFound, listing the branches there are.
  Result<Statement> branch(const std::string& name) const;
  Result<Statement> tag(const std::string& name) const;
};

class Repository {
 public:
  //   kNotARepository  nothing there that looks like one
  //   kPermission      its private state is somebody else's
  static Result<std::unique_ptr<Repository>> open(const std::string& directory);

  const std::string& directory() const { return directory_; }
  DirStore& store() { return store_; }
  ObjectReader& objects() { return objects_; }
  const TrustFile& trust() const { return trust_; }
  // Below .granary/.
  std::string private_path(const std::string& name) const { return directory_ + "/.granary/" + name; }
  // Where init put the keys of releases and timestamps.
  const std::string& keys_directory() const { return keys_directory_; }

  // The newest committed state. Whether its timestamp is fresh is of no concern here.
  Result<RepositoryState> read();
  Result<Snapshot> snapshot(const SnapshotId& id);
  Result<Bytes> log_record(uint64_t revision);  // log/REVISION.json

  // What one commit changes: `next` is the record that follows the newest, with everything else copied from it.
  struct Draft {
    Record next;
    Names names;
    std::vector<Envelope> roots;  // a newer one may be appended
    // Signs the statement for a branch or tag with the release keys at hand and puts it in its place; its sequence and
    // time are filled in.
    //   kUntrusted  the keys may not speak for that branch
    std::function<Status(Statement)> release;
    // Signs a profile note with the release keys at hand and files it under its snapshot, in the place of older ones of
    // its name; its repository and time are filled in.
    //   kUntrusted  the keys may not, or not alone
    std::function<Status(ProfileNote)> attach;
  };
  using Edit = std::function<Status(const RepositoryState& now, Draft& draft)>;

  // Compare and swap: reads the head under the commit lock, lets `edit` make the next record of it, signs and commits
  // that. An error from `edit` is handed on, and nothing has happened. What the record names must be stored and durable
  // before; the names object is stored here.
  Result<RepositoryState> commit(const Edit& edit);

  // Signs a new timestamp for the newest record; as valid as the last one unless told otherwise.
  Result<RepositoryState> renew(std::optional<int64_t> validity_seconds = {});

 private:
  Repository(std::string directory, TrustFile trust, std::string keys_directory);
  Result<RepositoryState> parse_state(const Bytes& head);
  Status finish_log(const RepositoryState& now);
  Result<Digest> store_names(const Names& names);
  Status write_head(const HeadBundle& bundle);

  const std::string directory_;
  const TrustFile trust_;
  const std::string keys_directory_;
  DirStore store_;
  StoreReader objects_;
};

// Makes a repository in `directory` (which may exist if it is empty) and its keys.
struct InitOptions {
  std::string directory;
  std::string name;
  std::string keys_directory;  // made with mode 0700; must not hold keys yet
  unsigned root_keys = 1;
  unsigned root_threshold = 1;
  int64_t validity_seconds = kTimestampValiditySeconds;  // of timestamps
  AskPassphrase ask = [](const std::string&) -> Result<Secret> { return Secret(); };
};
struct Initialised {
  TrustFile trust;
  std::string trust_path;
};
//   kInvalid  a bad name, or something is already there
Result<Initialised> init_repository(const InitOptions& options);

}  // namespace granary
