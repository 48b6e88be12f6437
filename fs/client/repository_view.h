// RepositoryView: a repository as a client sees it after one request and the checks that docs/format.md, 7 demands:
// names, history, snapshots. What mounts, and what reads without mounting, begins here. One thread. Borrows the
// fetcher, which outlives it. Every call may wait for the network.
#pragma once

#include <memory>
#include <optional>

#include "fs/client/offline_copy.h"
#include "fs/client/snapshot_selector.h"
#include "fs/client/trust_memory.h"
#include "fs/format/names.h"
#include "fs/format/snapshot.h"
#include "fs/format/trust.h"
#include "fs/net/fetcher.h"

namespace granary {

struct ViewOptions {
  std::string url;  // for messages and for stat
  std::optional<TrustFile>
      trust;                    // nothing: whoever signed the repository's first root is believed, which proves nothing
  std::string state_directory;  // where the versions seen are remembered, and an OfflineCopy is kept; empty: nowhere
  bool archive = false;         // accept what is authentic but stale
  bool allow_withdrawn = false;
  const Clock* clock = &Clock::system();
  bool is_clock_trusted = true;  // false: nothing is known but that it is `time_floor` or later
  UnixSeconds time_floor = 0;    // whatever the clock says, it is no earlier
};

// Whether a snapshot is what its name stands for now.
enum class Freshness {
  kFresh,    // a timestamp that has not expired says so
  kStale,    // it has expired: there may be something newer
  kUnknown,  // it has not expired at the latest time that is certain; the clock is not trusted
};
const char* name_of(Freshness freshness);  // "fresh", "stale", "unknown"

// A snapshot that may be used, and all that is known of it.
struct ResolvedSnapshot {
  std::string repository;  // its UUID
  std::string repository_name;
  std::string url;
  SnapshotId id;
  Snapshot snapshot;                        // tree, catalog, parents, time, message …
  std::string selector;                     // how it was asked for
  std::string branch;                       // empty when it was not found by a branch
  std::string tag;                          // likewise
  uint64_t revision = 0;                    // of the newest record known
  std::optional<UnixSeconds> stale_since;   // archive: there may be newer records since
  std::optional<Withdrawal> withdrawn;      // only when that was allowed
  bool trusted = true;                      // false: no trust file was given
  Freshness freshness = Freshness::kFresh;  // when it was resolved
  UnixSeconds timestamp_at = 0;             // of the newest timestamp that is authentic; 0: not told
  bool is_offline = false;                  // no head could be had: all this is from what was kept
};

class RepositoryView {
 public:
  // Fetches and verifies the head for what is about to be resolved: a complete snapshot id needs no fresh one, nor,
  // when nobody can be reached within kOfflinePatience, any but the one that was kept.
  //   kNotARepository  there is no head.json, or something else in its place
  //   kExpired         the head is stale; the message says what to do
  //   otherwise        as verify_head, and what the fetcher said
  static constexpr std::chrono::seconds kOfflinePatience{3};
  static Result<std::unique_ptr<RepositoryView>> open(Fetcher& fetcher, ViewOptions options,
                                                      const SnapshotSelector& selector = {});

  const VerifiedHead& head() const { return head_; }
  const std::string& url() const { return options_.url; }

  // Tags, withdrawals, notes.
  Result<Names> names();
  Result<Snapshot> snapshot(const SnapshotId& id);
  // An older record, by revision.
  Result<Record> record(uint64_t revision);

  //   kNotFound  no such branch, tag, snapshot or date; the message says what there is
  //   kInvalid   a beginning that several ids share
  //   kUntrusted withdrawn, with the reason; or changed outside the paths its signers may change
  Result<ResolvedSnapshot> resolve(const SnapshotSelector& selector);

 private:
  struct Found {
    SnapshotId id;
    std::optional<VerifiedRelease> release;  // whose word it is; nothing for an id
    std::string branch, tag;
  };

  RepositoryView(Fetcher& fetcher, ViewOptions options, VerifiedHead head)
      : fetcher_(fetcher), options_(std::move(options)), head_(std::move(head)) {}

  Result<Bytes> record_file(uint64_t revision);
  Result<SharedBytes> names_object();
  Result<SharedBytes> kept_or_fetched(const ObjectId& id);
  void keep_for_offline(const SnapshotId& id);
  Result<Found> find(const SnapshotSelector& selector);
  Result<Found> find_branch(const SnapshotSelector& selector);
  Result<Found> find_tag(const std::string& name);
  Result<Found> find_id(const std::string& beginning);
  Status remember();
  Status check_constraints(const VerifiedRelease& release);
  Result<std::optional<Withdrawal>> check_withdrawn(const SnapshotId& id);

  Fetcher& fetcher_;
  const ViewOptions options_;
  const VerifiedHead head_;
  std::optional<TrustMemory> memory_;
  std::optional<OfflineCopy> copy_;
  bool is_offline_ = false;
  Seen seen_;
  SharedBytes names_object_;
};

// "https://…", "http://…", "file:///…" as they are, without trailing slashes; the path of a directory as a file URL.
Result<std::string> repository_url(const std::string& url_or_directory);

}  // namespace granary
