// A look: resolve → open → compare (nothing has happened yet; all of it may fail) → keep → switch → drain → forget →
// keep. Between `keep` and the last `keep` a worker that is killed is followed by one that lets the kernel forget once
// more.
#include "fs/client/follower.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <random>

#include "fs/base/crash_point.h"
#include "fs/base/log.h"
#include "fs/client/mount_control.h"

namespace granary {

namespace {
constexpr unsigned kMostDoublings = 4;
constexpr size_t kMostAsked = 16;
constexpr std::chrono::seconds kForgetAgainAfter{2};

// Counts what would have to be forgotten, and has both catalogs at hand afterwards.
class NothingToForget : public KernelCaches {
 public:
  Status forget_name(InodeNumber, ByteView) override { return Done{}; }
  Status forget_attributes(InodeNumber) override { return Done{}; }
  Status forget_listing(InodeNumber) override { return Done{}; }
};

double somewhere() {
  static thread_local std::mt19937_64 random{std::random_device{}()};
  return std::uniform_real_distribution<double>(0, 1)(random);
}

nlohmann::ordered_json time_or_null(const std::optional<UnixSeconds>& time) {
  return time ? nlohmann::ordered_json(format_utc(*time)) : nlohmann::ordered_json();
}
}  // namespace

std::chrono::milliseconds pause_before_look(std::chrono::seconds interval, unsigned same_failures, double where) {
  const auto whole = std::chrono::milliseconds(interval) * (1 << std::min(same_failures, kMostDoublings));
  return whole / 2 + std::chrono::milliseconds(static_cast<int64_t>(static_cast<double>(whole.count()) / 2 * where));
}

bool Follower::moves(const SnapshotSelector& selector, const ResolvedSnapshot& resolved) {
  return !resolved.branch.empty() && !selector.date && selector.generations_back == 0;
}

Follower::Follower(Parts parts, Options options)
    : parts_(std::move(parts)),
      unfinished_(options.forgetting),
      selector_(std::move(options.selector)),
      wanted_interval_(options.interval) {
  {
    const MutexLock lock(mutex_);
    if (moves(selector_, parts_.snapshots.current()->resolved)) state_.interval = wanted_interval_;
    plan_next();
  }
  thread_ = std::thread([this] { run(); });
}

Follower::~Follower() {
  stop(Deadline::min());
  thread_.join();
}

Result<uint64_t> Follower::look(std::optional<SnapshotSelector> to) {
  const MutexLock lock(mutex_);
  if (!to && !moves(selector_, parts_.snapshots.current()->resolved))
    return Error{Code::kInvalid, str("pinned to ", selector_.text(), ", which never changes; name another with --to")};
  while (asked_.size() >= kMostAsked && asked_.front().outcome) asked_.pop_front();
  if (asked_.size() >= kMostAsked) return Error{Code::kBusy, "too many look for a new snapshot already"};
  asked_.push_back({++last_number_, std::move(to), {}});
  changed_.notify_all();
  return last_number_;
}

std::optional<Result<Follower::Outcome>> Follower::outcome(uint64_t number) const {
  const MutexLock lock(mutex_);
  const auto found =
      std::find_if(asked_.begin(), asked_.end(), [&](const Asked& each) { return each.number == number; });
  if (found == asked_.end()) return Result<Outcome>(Error{Code::kNotFound, str("no look ", number, " on this mount")});
  return found->outcome;
}

Follower::State Follower::state() const {
  const MutexLock lock(mutex_);
  return state_;
}

std::string Follower::json() const {
  const State now = state();
  nlohmann::ordered_json out{{"interval", nullptr}};
  if (now.interval) out["interval"] = now.interval->count();
  out["last_check"] = time_or_null(now.last_check);
  out["next_check"] = time_or_null(now.next_check);
  out["checks"] = now.checks;
  out["switches"] = now.switches;
  out["last_switch"] = time_or_null(now.last_switch);
  out["former"] = parts_.snapshots.former().size();
  out["held_back_by"] = nullptr;
  if (!now.held_back_by.empty()) out["held_back_by"] = printable(now.held_back_by);
  return out.dump();
}

bool Follower::stop(Deadline deadline) {
  MutexLock lock(mutex_);
  stopping_ = true;
  changed_.notify_all();
  while (!ended_) {
    if (!lock.wait_until(changed_, deadline)) return ended_;
  }
  return true;
}

bool Follower::is_stopping() const {
  const MutexLock lock(mutex_);
  return stopping_;
}

bool Follower::pause(std::chrono::milliseconds time) {
  const auto until = std::chrono::steady_clock::now() + time;
  MutexLock lock(mutex_);
  while (!stopping_) {
    if (!lock.wait_until(changed_, until)) return !stopping_;
  }
  return false;
}

void Follower::plan_next() {
  next_look_ = Deadline::max();
  state_.next_check.reset();
  if (!state_.interval) return;
  const auto pause = pause_before_look(*state_.interval, same_failures_, somewhere());
  next_look_ = std::chrono::steady_clock::now() + pause;
  state_.next_check = Clock::system().now() + std::chrono::duration_cast<std::chrono::seconds>(pause).count();
}

void Follower::run() {
  const ScopedPriority never_in_demands_way(Priority::kPrefetch);
  finish_last_switch();
  for (std::optional<Asked> asked; wait_for_turn(asked);) look_for(asked);
  const MutexLock lock(mutex_);
  ended_ = true;
  changed_.notify_all();
}

bool Follower::wait_for_turn(std::optional<Asked>& asked) {
  MutexLock lock(mutex_);
  for (asked.reset(); !stopping_;) {
    for (Asked& each : asked_) {
      if (each.begun) continue;
      each.begun = true;
      asked = each;
      return true;
    }
    if (next_look_ == Deadline::max()) {
      lock.wait(changed_);
    } else if (!lock.wait_until(changed_, next_look_)) {
      return !stopping_;
    }
  }
  return false;
}

void Follower::look_for(const std::optional<Asked>& asked) {
  SnapshotSelector selector;
  {
    const MutexLock lock(mutex_);
    selector = asked && asked->to ? *asked->to : selector_;
  }
  const auto outcome = look_once(selector);
  const MutexLock lock(mutex_);
  if (outcome && asked && asked->to) {
    selector_ = selector;
    state_.interval = std::nullopt;
    if (moves(selector_, parts_.snapshots.current()->resolved)) state_.interval = wanted_interval_;
  }
  note(outcome);
  plan_next();
  if (!asked) return;
  for (Asked& each : asked_) {
    if (each.number == asked->number) each.outcome = outcome;
  }
}

void Follower::note(const Result<Outcome>& outcome) {
  ++state_.checks;
  state_.last_check = Clock::system().now();
  const std::string trouble = outcome ? "" : outcome.error().message;
  const bool is_same = trouble == state_.held_back_by;
  const bool will_pass = !outcome && outcome.error().code == Code::kUnavailable;  // a network comes back
  same_failures_ = !trouble.empty() && is_same && !will_pass ? same_failures_ + 1 : 0;
  if (!is_same && !trouble.empty())
    log::warn("stays at its snapshot", {{"path", parts_.mount_point},
                                        {"snapshot", parts_.snapshots.current()->resolved.id},
                                        {"code", name_of(outcome.error().code)},
                                        {"cause", trouble}});
  if (!is_same && trouble.empty()) log::info("follows again", {{"path", parts_.mount_point}});
  state_.held_back_by = trouble;
  if (!outcome || outcome->from == outcome->to) return;
  ++state_.switches;
  state_.last_switch = state_.last_check;
}

Result<Follower::Outcome> Follower::look_once(const SnapshotSelector& selector) {
  ResolvedSnapshot resolved = TRY(parts_.resolve(selector));
  const SnapshotId now = parts_.snapshots.current()->resolved.id;
  if (resolved.id == now) return Outcome{now, now, {}};
  return switch_to(std::move(resolved), selector);
}

Result<Follower::Outcome> Follower::switch_to(ResolvedSnapshot resolved, const SnapshotSelector& selector) {
  const auto before = parts_.snapshots.current();
  std::shared_ptr<MountedSnapshot> next =
      TRY(MountedSnapshot::open(resolved.snapshot.catalog, parts_.fetcher, ServedSnapshots::names_of(resolved),
                                MountedSnapshot::Role::kCurrent, before->snapshot->observations()));
  NothingToForget nothing;
  TRY_WITHIN(str("snapshot ", resolved.id.brief()),
             forget_changes(before->snapshot->catalog(), next->catalog(), nothing));

  if (parts_.keep) {
    std::vector<ResolvedSnapshot> former = parts_.snapshots.former();
    former.insert(former.begin(), before->resolved);
    parts_.keep({resolved, std::move(former), selector.text(), before->resolved.id});
  }
  crash_point("switching");
  parts_.snapshots.switch_to(std::move(resolved), std::move(next));
  crash_point("switched");
  const auto now = parts_.snapshots.current();
  if (parts_.switched) parts_.switched(*now);
  ServedSnapshots::drain(*before);
  const ForgottenChanges forgotten = let_forget(*before->snapshot, *now->snapshot);
  crash_point("forgotten");
  keep_present(selector);
  log::info("switched", {{"path", parts_.mount_point},
                         {"from", before->resolved.id},
                         {"to", now->resolved.id},
                         {"revision", now->resolved.revision},
                         {"names", forgotten.names}});
  return Outcome{before->resolved.id, now->resolved.id, forgotten};
}

// Until it is done: a kernel that remembers half would show a mixture for ever.
ForgottenChanges Follower::let_forget(MountedSnapshot& before, MountedSnapshot& after) {
  for (;;) {
    const auto forgotten = forget_changes(before.catalog(), after.catalog(), parts_.caches);
    if (forgotten) return *forgotten;
    if (is_stopping()) return {};
    log::warn("the kernel still remembers what has changed",
              {{"path", parts_.mount_point}, {"cause", forgotten.error().message}});
    if (!pause(kForgetAgainAfter)) return {};
  }
}

void Follower::finish_last_switch() {
  if (!unfinished_) return;
  const auto now = parts_.snapshots.current();
  for (;;) {
    const auto before = parts_.snapshots.open_known(*unfinished_);
    if (before) {
      let_forget(**before, *now->snapshot);
      break;
    }
    log::warn("the kernel still remembers what has changed",
              {{"path", parts_.mount_point}, {"cause", before.error().message}});
    if (!pause(kForgetAgainAfter)) return;
  }
  SnapshotSelector selector;
  {
    const MutexLock lock(mutex_);
    selector = selector_;
  }
  keep_present(selector);
}

void Follower::keep_present(const SnapshotSelector& selector) {
  if (!parts_.keep || is_stopping()) return;  // stopping in the middle is a switch under way, for whoever comes next
  parts_.keep({parts_.snapshots.current()->resolved, parts_.snapshots.former(), selector.text(), std::nullopt});
}

void answer_remount(MountControl& control, Follower& follower) {
  control.add("remount", [&follower](const std::string& selector) -> Result<std::string> {
    std::optional<SnapshotSelector> to;
    if (!selector.empty()) to = TRY(SnapshotSelector::parse(selector));
    return std::to_string(TRY(follower.look(std::move(to))));
  });
  control.add("remounted", [&follower](const std::string& number) -> Result<std::string> {
    const auto outcome = follower.outcome(std::strtoull(number.c_str(), nullptr, 10));
    if (!outcome) return std::string("{}");
    const Follower::Outcome came_to = TRY(*outcome);
    return nlohmann::ordered_json{{"from", came_to.from.hex()},
                                  {"to", came_to.to.hex()},
                                  {"switched", came_to.from != came_to.to},
                                  {"names", came_to.forgotten.names},
                                  {"attributes", came_to.forgotten.attributes},
                                  {"listings", came_to.forgotten.listings}}
        .dump();
  });
}

}  // namespace granary
