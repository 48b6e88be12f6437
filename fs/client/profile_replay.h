// ProfileReplay: fetches what a profile names, in its order, ahead of whoever will want it (docs/format.md, 8). It runs
// on a thread of its own from the moment the snapshot is known, beside the opening of the catalog, and delays nothing:
// everything it asks for is a prefetch, a few objects at a time. Whatever goes wrong with a profile, the mount goes on
// without it; the log and `report` tell.
// It also watches what is demanded, so that a profile whose entries nobody uses is noticed.
// Safe from many threads. Borrows the fetcher, which outlives it; nobody may be inside Fetcher::fetch, or waiting for a
// read, when it goes.
#pragma once

#include <condition_variable>
#include <memory>
#include <thread>
#include <unordered_set>

#include "fs/base/log.h"
#include "fs/base/mutex.h"
#include "fs/client/repository_view.h"
#include "fs/format/profile.h"
#include "fs/net/fetcher.h"

namespace granary {

struct ReplayOptions {
  static constexpr uint64_t kDefaultLimitBytes = uint64_t{256} << 20;

  std::string name;
  uint64_t limit_bytes = kDefaultLimitBytes;  // plain; of a plan that is larger only the beginning is replayed
  uint64_t quota_bytes = 0;                   // the cache's, never filled by more than half; 0: unknown
};

class ProfileReplay : private DemandWatcher {
 public:
  // What is mounted, and who may sign for it.
  struct Subject {
    Root root;
    ObjectId names;
    SnapshotId id;
    Snapshot snapshot;
    std::string repository_name;  // for the log
  };

  enum class State {
    kWaiting,    // for the note and the plan
    kReplaying,  //
    kDone,       // `failed` tells how many could not be had
    kMissing,    // neither the snapshot nor one of its ancestors nearby has a profile of that name
    kRefused,    // there is one, and it is forged, damaged, or cannot be had: `cause`
  };
  struct Count {
    uint64_t objects = 0;
    uint64_t bytes = 0;  // plain, as the plan has them
  };
  struct Report {
    std::string name;
    State state = State::kWaiting;
    std::string cause;                    // missing, refused, or what failed last; else empty
    std::optional<VerifiedProfile> from;  // once found
    bool is_stale = false;                // attached to an ancestor of what is mounted
    uint64_t limit_bytes = 0;
    Count planned;
    Count chosen;   // within the limit: these are replayed
    Count fetched;  // by now, from a source
    Count cached;   // were here before
    Count failed;   // could not be had
    Count used;     // of the chosen, those that somebody demanded
    Count unused;   // fetched or cached, and demanded by nobody so far
  };

  // Starts a thread.
  static std::unique_ptr<ProfileReplay> start(Fetcher& fetcher, Subject subject, ReplayOptions options);
  ~ProfileReplay() override;  // stops it, whatever it waits for

  // Until now nothing was logged: the log was not where a mount's lines go. From now on it is.
  void let_log();

  Report report() const;
  // Waiting or replaying.
  bool is_under_way() const { return under_way_.load(std::memory_order_relaxed); }

 private:
  struct Flights;
  class Schedule;

  ProfileReplay(Fetcher& fetcher, Subject subject, ReplayOptions options);
  void run();
  void replay();
  Result<VerifiedProfile> find();
  Result<Plan> plan_of(const VerifiedProfile& profile);
  std::shared_ptr<Schedule> choose(Plan plan);
  void watch_for(const std::shared_ptr<Schedule>& schedule);
  bool fetch_what_is_left(const std::shared_ptr<Schedule>& schedule);
  void fetch(const std::shared_ptr<Schedule>& schedule, size_t place);
  void finish(Schedule& schedule);
  void refuse(const Error& error);
  // kUnavailable also when nobody has it: it is a part of something that there is.
  Result<SharedBytes> read(const ObjectId& id);
  void demanded(const ObjectId& id) override;
  void say(log::Level level, const char* event, std::vector<log::Field> fields);

  Fetcher& fetcher_;
  const Subject subject_;
  const ReplayOptions options_;
  const std::shared_ptr<Flights> flights_;
  std::atomic<Schedule*> watched_{nullptr};  // set once the plan is here
  std::atomic<bool> under_way_{true};

  mutable Mutex mutex_;
  Report report_ GUARDED_BY(mutex_);  // but for what the schedule and the flights know
  std::shared_ptr<Schedule> schedule_ GUARDED_BY(mutex_);
  std::unordered_set<ObjectId> early_ GUARDED_BY(mutex_);  // demanded before the plan came; bounded

  struct Line {
    log::Level level;
    const char* event;
    std::vector<log::Field> fields;
  };
  Mutex log_mutex_;
  bool may_log_ GUARDED_BY(log_mutex_) = false;
  std::vector<Line> held_lines_ GUARDED_BY(log_mutex_);

  std::thread thread_;  // last: it uses the others
};

const char* name_of(ProfileReplay::State state);  // "waiting", "replaying", …

}  // namespace granary
