// The thread waits for the names object, the plan, and then only for room among a few flights. Nothing that it waits
// for is waited for in the fetcher: the callbacks hold what they need, so that it can leave at any time.
#include "fs/client/profile_replay.h"

#include <algorithm>
#include <set>

namespace granary {

namespace {
constexpr uint64_t kMaxGenerationsBack = 8;
constexpr size_t kMaxSearchedSnapshots = 64;
// Enough to fill a link of 1 Gbit/s and 20 ms; more would only queue before what is demanded.
constexpr size_t kMaxFlights = 8;
constexpr uint64_t kMaxFlightBytes = uint64_t{32} << 20;
constexpr size_t kMaxEarlyDemands = 10'000;
// A source that is away is not asked for one object after the other: after some failures in a row it gets a pause.
constexpr size_t kMaxFailuresInARow = 16;
constexpr int kMaxRounds = 6;
constexpr std::chrono::seconds kFirstPause{1};  // doubled after every round
}  // namespace

// What is replayed, and how far each object is. Safe from many threads.
class ProfileReplay::Schedule {
 public:
  enum class Fate : uint8_t { kPlanned, kFetched, kCached, kFailed };

  explicit Schedule(std::vector<PlannedObject> objects)
      : objects_(std::move(objects)), fates_(objects_.size()), used_(objects_.size()) {
    places_.reserve(objects_.size());
    for (size_t i = 0; i < objects_.size(); ++i) places_.emplace(objects_[i].id, i);
  }

  size_t size() const { return objects_.size(); }
  const PlannedObject& operator[](size_t place) const { return objects_[place]; }
  Fate fate(size_t place) const { return fates_[place].load(std::memory_order_relaxed); }
  void set_fate(size_t place, Fate fate) { fates_[place].store(fate, std::memory_order_relaxed); }
  void note_demand(const ObjectId& id) {
    if (const auto found = places_.find(id); found != places_.end())
      used_[found->second].store(true, std::memory_order_relaxed);
  }

  void count_into(Report& report) const {
    for (size_t i = 0; i < objects_.size(); ++i) {
      const bool is_used = used_[i].load(std::memory_order_relaxed);
      const Fate fate = this->fate(i);
      add(report.chosen, i);
      if (is_used) add(report.used, i);
      if (fate == Fate::kFailed) add(report.failed, i);
      if (fate != Fate::kFetched && fate != Fate::kCached) continue;
      add(fate == Fate::kFetched ? report.fetched : report.cached, i);
      if (!is_used) add(report.unused, i);
    }
  }

 private:
  void add(Count& count, size_t place) const {
    ++count.objects;
    count.bytes += objects_[place].size_bytes;
  }

  const std::vector<PlannedObject> objects_;
  std::unordered_map<ObjectId, size_t> places_;
  std::vector<std::atomic<Fate>> fates_;
  std::vector<std::atomic<bool>> used_;
};

// What is on its way, shared with the callbacks of the fetcher, which may come after the replay has gone.
struct ProfileReplay::Flights {
  mutable Mutex mutex;
  std::condition_variable changed;
  bool stopping GUARDED_BY(mutex) = false;
  size_t count GUARDED_BY(mutex) = 0;
  uint64_t bytes GUARDED_BY(mutex) = 0;
  size_t failures_in_a_row GUARDED_BY(mutex) = 0;
  std::string last_cause GUARDED_BY(mutex);

  bool is_stopping() const {
    const MutexLock lock(mutex);
    return stopping;
  }
  // Waits until there is room for one more. False: stop, or let the source rest.
  bool take_off(uint64_t size_bytes) {
    MutexLock lock(mutex);
    while (!stopping && count > 0 && (count >= kMaxFlights || bytes + size_bytes > kMaxFlightBytes)) lock.wait(changed);
    if (stopping || failures_in_a_row >= kMaxFailuresInARow) return false;
    ++count;
    bytes += size_bytes;
    return true;
  }
  void land(uint64_t size_bytes, const std::optional<Error>& failure) {
    const MutexLock lock(mutex);
    --count;
    bytes -= size_bytes;
    failures_in_a_row = failure ? failures_in_a_row + 1 : 0;
    if (failure) last_cause = failure->message;
    changed.notify_all();
  }
  void wait_for_landings() {
    MutexLock lock(mutex);
    while (!stopping && count > 0) lock.wait(changed);
  }
  // False when it is to stop.
  bool pause(std::chrono::seconds duration) {
    const auto until = std::chrono::steady_clock::now() + duration;
    MutexLock lock(mutex);
    while (!stopping && lock.wait_until(changed, until)) continue;
    failures_in_a_row = 0;
    return !stopping;
  }
  void stop() {
    const MutexLock lock(mutex);
    stopping = true;
    changed.notify_all();
  }
};

std::unique_ptr<ProfileReplay> ProfileReplay::start(Fetcher& fetcher, Subject subject, ReplayOptions options) {
  std::unique_ptr<ProfileReplay> replay(new ProfileReplay(fetcher, std::move(subject), std::move(options)));
  fetcher.watch_demand(replay.get());
  replay->thread_ = std::thread([self = replay.get()] { self->run(); });
  return replay;
}

ProfileReplay::ProfileReplay(Fetcher& fetcher, Subject subject, ReplayOptions options)
    : fetcher_(fetcher),
      subject_(std::move(subject)),
      options_(std::move(options)),
      flights_(std::make_shared<Flights>()) {
  report_.name = options_.name;
  report_.limit_bytes =
      options_.quota_bytes > 0 ? std::min(options_.limit_bytes, options_.quota_bytes / 2) : options_.limit_bytes;
}

ProfileReplay::~ProfileReplay() {
  flights_->stop();
  thread_.join();
  fetcher_.watch_demand(nullptr);
}

void ProfileReplay::run() {
  replay();
  under_way_ = false;
}

void ProfileReplay::replay() {
  const auto profile = find();
  if (!profile) return refuse(profile.error());
  {
    const MutexLock lock(mutex_);
    report_.from = *profile;
    report_.is_stale = profile->note.snapshot != subject_.id;
  }
  auto plan = plan_of(*profile);
  if (!plan) return refuse(plan.error());
  const auto schedule = choose(std::move(*plan));
  watch_for(schedule);
  auto rest = kFirstPause;
  for (int round = 1; !fetch_what_is_left(schedule) && round < kMaxRounds; ++round) {
    if (!flights_->pause(rest)) return;
    rest *= 2;
  }
  if (!flights_->is_stopping()) finish(*schedule);
}

// The snapshot's own, else that of the nearest ancestor: most of what changes between two is little.
Result<VerifiedProfile> ProfileReplay::find() {
  const SharedBytes object = TRY_WITHIN("cannot read the names", read(subject_.names));
  const Names names = TRY_WITHIN("cannot read the names", Names::parse(*object));
  const auto own = find_profile(subject_.root, names, subject_.id, options_.name);
  if (own || own.error().code != Code::kNotFound || names.notes.empty()) return own;

  std::set<SnapshotId> seen{subject_.id};
  std::vector<SnapshotId> generation = subject_.snapshot.parents;
  for (uint64_t back = 1; back <= kMaxGenerationsBack; ++back) {
    std::vector<SnapshotId> next;
    for (const SnapshotId& id : generation) {
      if (seen.size() > kMaxSearchedSnapshots || !seen.insert(id).second) continue;
      auto found = find_profile(subject_.root, names, id, options_.name);
      if (found || found.error().code != Code::kNotFound) return found;
      const auto snapshot = read(id);
      if (!snapshot) continue;  // removed by a retention, and its ancestors with it
      const auto parsed = Snapshot::parse(**snapshot);
      if (parsed) next.insert(next.end(), parsed->parents.begin(), parsed->parents.end());
    }
    generation = std::move(next);
  }
  return own.error().within(str("nor has one of the ", kMaxGenerationsBack, " generations before it"));
}

Result<Plan> ProfileReplay::plan_of(const VerifiedProfile& profile) {
  const SharedBytes object = TRY_WITHIN("cannot read the plan", read(profile.note.plan));
  return decode_plan(*object);
}

// As much of the plan's beginning as the limit lets through.
std::shared_ptr<ProfileReplay::Schedule> ProfileReplay::choose(Plan plan) {
  const MutexLock lock(mutex_);
  report_.planned = {plan.objects.size(), plan.total_bytes()};
  uint64_t total = 0;
  size_t count = 0;
  while (count < plan.objects.size() && total + plan.objects[count].size_bytes <= report_.limit_bytes)
    total += plan.objects[count++].size_bytes;
  if (count < plan.objects.size()) {
    say(log::Level::kWarn, "profile larger than its limit",
        {{"repository", subject_.repository_name},
         {"profile", options_.name},
         {"bytes", report_.planned.bytes},
         {"replayed_bytes", total},
         {"remedy", options_.limit_bytes > report_.limit_bytes
                        ? "raise --quota: a profile never takes more than half of it"
                        : "raise --profile-limit"}});
  }
  plan.objects.resize(count);
  return std::make_shared<Schedule>(std::move(plan.objects));
}

void ProfileReplay::watch_for(const std::shared_ptr<Schedule>& schedule) {
  const MutexLock lock(mutex_);
  report_.state = State::kReplaying;
  schedule_ = schedule;
  for (const ObjectId& id : early_) schedule->note_demand(id);
  early_.clear();
  watched_.store(schedule.get(), std::memory_order_release);
}

// True when nothing is left that another try might bring.
bool ProfileReplay::fetch_what_is_left(const std::shared_ptr<Schedule>& schedule) {
  for (size_t place = 0; place < schedule->size(); ++place) {
    if (schedule->fate(place) != Schedule::Fate::kPlanned) continue;
    if (!flights_->take_off((*schedule)[place].size_bytes)) break;
    fetch(schedule, place);
  }
  flights_->wait_for_landings();
  for (size_t place = 0; place < schedule->size(); ++place) {
    if (schedule->fate(place) == Schedule::Fate::kPlanned) return false;
  }
  return true;
}

void ProfileReplay::fetch(const std::shared_ptr<Schedule>& schedule, size_t place) {
  using Fate = Schedule::Fate;
  const PlannedObject& object = (*schedule)[place];
  // An answer on this very thread is one that was at hand.
  const auto asked_on = std::this_thread::get_id();
  fetcher_.fetch(object.id, Priority::kPrefetch,
                 [flights = flights_, schedule, place, asked_on](const Result<ObjectHandle>& result) {
                   std::optional<Error> failure;
                   if (result) {
                     schedule->set_fate(place, std::this_thread::get_id() == asked_on ? Fate::kCached : Fate::kFetched);
                   } else {
                     failure = result.error();
                     if (failure->code != Code::kUnavailable) schedule->set_fate(place, Fate::kFailed);
                   }
                   flights->land((*schedule)[place].size_bytes, failure);
                 });
}

void ProfileReplay::finish(Schedule& schedule) {
  for (size_t place = 0; place < schedule.size(); ++place) {
    if (schedule.fate(place) == Schedule::Fate::kPlanned) schedule.set_fate(place, Schedule::Fate::kFailed);
  }
  std::string cause;
  {
    const MutexLock lock(flights_->mutex);
    cause = flights_->last_cause;
  }
  {
    const MutexLock lock(mutex_);
    report_.state = State::kDone;
  }
  const Report now = report();
  say(log::Level::kInfo, "profile replayed",
      {{"repository", subject_.repository_name},
       {"profile", options_.name},
       {"objects", now.chosen.objects},
       {"fetched", now.fetched.objects},
       {"fetched_bytes", now.fetched.bytes},
       {"cached", now.cached.objects},
       {"failed", now.failed.objects}});
  if (now.failed.objects == 0) return;
  {
    const MutexLock lock(mutex_);
    report_.cause = cause;
  }
  say(log::Level::kWarn, "profile incomplete",
      {{"repository", subject_.repository_name},
       {"profile", options_.name},
       {"failed", now.failed.objects},
       {"cause", cause},
       {"remedy", "none needed: they are fetched when they are read"}});
}

void ProfileReplay::refuse(const Error& error) {
  if (flights_->is_stopping()) return;
  fetcher_.watch_demand(nullptr);
  const bool is_missing = error.code == Code::kNotFound;
  {
    const MutexLock lock(mutex_);
    report_.state = is_missing ? State::kMissing : State::kRefused;
    report_.cause = error.message;
    early_.clear();
  }
  say(log::Level::kWarn, "profile not replayed",
      {{"repository", subject_.repository_name},
       {"profile", options_.name},
       {"snapshot", subject_.id},
       {"cause", error.message},
       {"remedy", is_missing ? "record and attach one (granary profile), or mount without it"
                             : "attach it anew (granary profile attach), or mount without it"}});
}

Result<SharedBytes> ProfileReplay::read(const ObjectId& id) {
  using Arrival = std::optional<Result<ObjectHandle>>;  // guarded by the flights' mutex
  const auto arrival = std::make_shared<Arrival>();
  fetcher_.fetch(id, Priority::kPrefetch, [flights = flights_, arrival](Result<ObjectHandle> result) {
    const MutexLock lock(flights->mutex);
    arrival->emplace(std::move(result));
    flights->changed.notify_all();
  });
  {
    MutexLock lock(flights_->mutex);
    while (!*arrival && !flights_->stopping) lock.wait(flights_->changed);
    if (flights_->stopping) return Error{Code::kUnavailable, "unmounting"};
  }
  const Result<ObjectHandle>& handle = **arrival;
  if (handle) return handle->whole();
  const Error& error = handle.error();
  return Error{error.code == Code::kNotFound ? Code::kUnavailable : error.code, error.message};
}

void ProfileReplay::say(log::Level level, const char* event, std::vector<log::Field> fields) {
  const MutexLock lock(log_mutex_);
  if (may_log_) return log::write(level, event, fields);
  held_lines_.push_back({level, event, std::move(fields)});
}

void ProfileReplay::let_log() {
  const MutexLock lock(log_mutex_);
  may_log_ = true;
  for (const Line& line : std::exchange(held_lines_, {})) log::write(line.level, line.event, line.fields);
}

void ProfileReplay::demanded(const ObjectId& id) {
  if (Schedule* const schedule = watched_.load(std::memory_order_acquire)) return schedule->note_demand(id);
  const MutexLock lock(mutex_);
  if (Schedule* const schedule = watched_.load(std::memory_order_acquire)) return schedule->note_demand(id);
  if (early_.size() < kMaxEarlyDemands) early_.insert(id);
}

ProfileReplay::Report ProfileReplay::report() const {
  Report out;
  std::shared_ptr<const Schedule> schedule;
  {
    const MutexLock lock(mutex_);
    out = report_;
    schedule = schedule_;
  }
  if (schedule) schedule->count_into(out);
  return out;
}

const char* name_of(ProfileReplay::State state) {
  using State = ProfileReplay::State;
  switch (state) {
    case State::kWaiting: return "waiting";
    case State::kReplaying: return "replaying";
    case State::kDone: return "done";
    case State::kMissing: return "missing";
    case State::kRefused: return "refused";
  }
  return "";
}

}  // namespace granary
