#include "fs/fuse/worker.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>

#include <cerrno>
#include <chrono>
#include <cstdio>

#include "fs/base/crash_point.h"
#include "fs/base/file.h"
#include "fs/base/log.h"
#include "fs/fuse/confinement.h"
#include "fs/fuse/effective_options.h"
#include "fs/fuse/ending_signals.h"
#include "fs/fuse/startup.h"

namespace granary {

namespace {
constexpr std::chrono::seconds kParkedTimeout{2};
constexpr int kNowAndThenMs = 500;
constexpr size_t kMaxPlanBytes = size_t{4} << 20;
constexpr std::chrono::seconds kLogTimeout{1};
constexpr size_t kMostWaiting = 1000;  // that the watchdog looks at

// The signals that end a mount come through while this lives: a source that does not answer can be left.
class LeavableWhile {
 public:
  LeavableWhile() { set_ending_signals(EndingSignals::kLetThrough); }
  ~LeavableWhile() { set_ending_signals(EndingSignals::kBlocked); }
};

void tell_when_stale(const ResolvedSnapshot& resolved) {
  if (!resolved.stale_since) return;
  std::fprintf(stderr,
               "granary-mount: archive: %s is stale since %s; newer states may exist, and its date is unproven\n",
               resolved.url.c_str(), format_utc(*resolved.stale_since).c_str());
}

void tell_when_offline(const ResolvedSnapshot& resolved) {
  if (!resolved.is_offline) return;
  std::fprintf(stderr, "granary-mount: offline: nothing of use came from %s; what is in the cache can be read\n",
               resolved.url.c_str());
}
}  // namespace

Result<Worker::Start> Worker::receive_start(const WorkerChannel& channel) {
  auto message = channel.receive();
  if (!message || message->word != WorkerChannel::Word::kStart || message->fds.size() != 3)
    return Error{Code::kInvalid, "a worker is started by its supervisor alone"};
  const UniqueFd plan = std::move(message->fds[0]);
  MountPlan parsed = TRY(MountPlan::parse(TRY(read_at(plan.get(), 0, kMaxPlanBytes))));
  KeptMemory kept = TRY(KeptMemory::adopt(std::move(message->fds[1])));
  auto requests = TRY(RequestTable::adopt(std::move(message->fds[2])));
  return Start{std::move(parsed), WorkerBrief::parse(message->text), std::move(kept), std::move(requests)};
}

Worker::Worker(Start start, WorkerChannel channel, std::string version)
    : plan_(std::move(start.plan)),
      kept_(std::move(start.kept)),
      requests_(std::move(start.requests)),
      channel_(std::move(channel)),
      self_{std::move(start.brief), std::move(version), {}, {}},
      trace_(plan_.mount_point()) {}

Status Worker::serve() {
  TRY(open_log());
  TRY(give_up_privileges());
  TRY(connect());
  TRY(choose_snapshot());
  TRY(open_snapshot());
  if (plan_.options.check_only) return Done{};
  TRY(make_jobs());
  TRY(wait_for_the_device());
  TRY(catch_up());
  TRY(answer_the_kernel());
  follow();
  say_ready();
  wait_for_the_end();
  return Done{};
}

Status Worker::open_log() {
  log_ = TRY(LogTarget::open(plan_.options.log, plan_.options.foreground, plan_.state_directory(),
                             {plan_.options.log_format, plan_.options.log_rotation}));
  return Done{};
}

// Before a byte of the network is looked at, and before there are threads.
Status Worker::give_up_privileges() {
  Confinement confinement = TRY(confine(plan_));
  self_.user = std::move(confinement.user);
  self_.sandbox = std::move(confinement.sandbox);
  return Done{};
}

Status Worker::connect() {
  set_ending_signals(EndingSignals::kBlocked);  // in every thread that is started from here on
  connection_ = TRY(Connection::open(connection_options(plan_)));
  return Done{};
}

Status Worker::choose_snapshot() {
  selector_ = plan_.options.selector;
  if (take_over()) {
    crash_point("snapshot-taken-over");
    return Done{};
  }
  const LeavableWhile waiting;
  view_ = TRY(RepositoryView::open(connection_->fetcher(), view_options(plan_), selector_));
  resolved_ = TRY(view_->resolve(selector_));
  seen_ = KeptSnapshots{*resolved_, {}, selector_.text(), {}}.serialise();
  TRY(kept_.keep(*seen_));
  tell_when_stale(*resolved_);
  tell_when_offline(*resolved_);
  return Done{};
}

bool Worker::take_over() {
  seen_ = kept_.kept();
  if (!seen_) return false;
  auto snapshots = KeptSnapshots::parse(*seen_);
  auto selector =
      snapshots ? SnapshotSelector::parse(snapshots->following) : Result<SnapshotSelector>(snapshots.error());
  if (!selector || snapshots->current.repository != plan_.trust.repository) {
    log::warn("what the last worker left is of no use",
              {{"cause", selector ? "another repository" : selector.error().message}});
    return false;
  }
  resolved_ = std::move(snapshots->current);
  former_ = std::move(snapshots->former);
  forgetting_ = snapshots->forgetting;
  selector_ = *std::move(selector);
  return true;
}

Status Worker::open_snapshot() {
  replay_ = start_replay();  // beside all that follows
  Fetcher& fetcher = connection_->fetcher();
  const char* const lacking = "offline, and the cache lacks what a mount needs";
  auto opened = MountedSnapshot::open(resolved_->snapshot.catalog, fetcher, ServedSnapshots::names_of(*resolved_));
  if (!opened && resolved_->is_offline) return opened.error().within(lacking);
  auto snapshot = TRY(std::move(opened));
  snapshots_.emplace(fetcher, *resolved_, std::move(snapshot), former_);
  if (connection_->fetcher().stats().misses > 0) found_in_ = KernelReadAhead::Cache::kCold;
  return Done{};
}

std::unique_ptr<ProfileReplay> Worker::start_replay() const {
  if (plan_.options.profile.empty() || plan_.options.check_only || !view_) return nullptr;
  const VerifiedHead& head = view_->head();
  return ProfileReplay::start(
      connection_->fetcher(),
      {head.root(), head.record().names, resolved_->id, resolved_->snapshot, resolved_->repository_name},
      {plan_.options.profile, plan_.options.profile_limit_bytes, connection_->cache().stats().quota_bytes});
}

Status Worker::make_jobs() {
  Fetcher& fetcher = connection_->fetcher();
  Cache& cache = connection_->cache();
  fill_.emplace(resolved_->snapshot.catalog, fetcher, cache, BackgroundFill::Options{resolved_->repository_name});
  jobs_.emplace(PrefetchJob::What{resolved_->snapshot.catalog, {}, resolved_->id, resolved_->repository, {}},
                plan_.cache_directory(), fetcher, cache);
  return Done{};
}

// Until the supervisor hands it over: at first because there is no mount yet, later because the worker before us has
// to be gone.
Status Worker::wait_for_the_device() {
  const Error gone{Code::kUnavailable, "the supervisor has gone"};
  TRY(channel_.send(WorkerChannel::Word::kPrepared, self_.version));
  auto message = channel_.receive();
  if (!message || message->word != WorkerChannel::Word::kServe || message->fds.empty()) return gone;
  size_t next = 0;
  device_ = std::move(message->fds[next++]);
  UniqueFd trace;
  for (const auto& [word, fd] : {std::pair(" control", &questions_fd_), std::pair(" read-ahead", &read_ahead_setting_),
                                 std::pair(" trace", &trace)}) {
    if (message->text.find(word) != std::string::npos && next < message->fds.size())
      *fd = std::move(message->fds[next++]);
  }
  trace_.record_into(std::move(trace));
  return Done{};
}

// The worker before us answered while we got ready, and may have switched to another snapshot.
Status Worker::catch_up() {
  if (kept_.kept() == seen_ || !take_over()) return Done{};
  TRY(open_snapshot());
  return make_jobs();
}

Status Worker::answer_the_kernel() {
  if (plan_.options.trace) TRY(trace_.start());
  if (self_.brief.mounted_at == 0) self_.brief.mounted_at = Clock::system().now();
  status_.emplace(MountStatus::Parts{*snapshots_, connection_->fetcher(), connection_->cache(), *fill_, self_,
                                     plan_.mount_point(), plan_.cache_directory(), log_->name(), replay_.get()});
  watch_.emplace(operation_metrics_, trace_);
  filesystem_.emplace(*snapshots_, *status_, *watch_, Filesystem::Options{plan_.options.acl, plan_.options.identities});
  session_ = TRY(MountSession::start(*filesystem_, *requests_, std::move(device_)));
  kernel_read_ahead_.emplace(std::move(read_ahead_setting_), *snapshots_->current()->snapshot->observations(),
                             found_in_);
  look_ahead();
  return Done{};
}

void Worker::follow() {
  const auto keep = [this](const KeptSnapshots& snapshots) {
    const Status kept = kept_.keep(snapshots.serialise());
    if (!kept) log::warn("nothing is left for another worker", {{"cause", kept.error().message}});
  };
  keep({*resolved_, former_, selector_.text(), forgetting_});
  kernel_caches_.emplace(session_->session(), filesystem_->parked());
  const auto resolve = [this](const SnapshotSelector& selector) -> Result<ResolvedSnapshot> {
    return TRY(RepositoryView::open(connection_->fetcher(), view_options(plan_), selector))->resolve(selector);
  };
  const auto switched = [this](const ServedSnapshots::Served& now) {
    const ResolvedSnapshot& resolved = now.resolved;
    fill_->follow(resolved.snapshot.catalog);
    jobs_->follow({resolved.snapshot.catalog, {}, resolved.id, resolved.repository, {}});
  };
  follower_.emplace(Follower::Parts{*snapshots_, connection_->fetcher(), *kernel_caches_, resolve, keep, switched,
                                    plan_.mount_point()},
                    Follower::Options{selector_, plan_.options.follow, forgetting_});
  status_->follow(*follower_);
}

void Worker::answer_questions() {
  const MountMeasures measures{&operation_metrics_, log_->queue(), watchdog_ ? &*watchdog_ : nullptr,
                               [this] { return filesystem_->parked().count(); }};
  answer_measures(questions_, *status_, measures);
  answer_trace(questions_, trace_);
  answer_head(questions_, connection_->fetcher());
  answer_recording(questions_, *status_, *snapshots_);
  answer_fill(questions_, *fill_);
  answer_jobs(questions_, *jobs_);
  answer_remount(questions_, *follower_);
  questions_.add("options", [this](const std::string&) -> Result<std::string> {
    return effective_json(plan_.options).canonical();
  });
  if (!questions_fd_.valid()) return;
  control_ = std::make_unique<ControlSocket>(std::move(questions_fd_), [this](const std::string& question) {
    auto answer = questions_.answer(question);
    look_ahead();  // a recording may have begun
    return answer;
  });
}

void Worker::say_ready() {
  [[maybe_unused]] const Status said = channel_.send(WorkerChannel::Word::kServing);
  if (!plan_.options.foreground) leave_terminal();
  log_->use();
  watch_what_waits();
  answer_questions();
  if (replay_) replay_->let_log();
  if (plan_.options.fill) fill_->start(*plan_.options.fill);
  log::info(self_.brief.restarts == 0 ? "mounted" : "mount goes on", {{"repository", resolved_->repository_name},
                                                                      {"snapshot", resolved_->id},
                                                                      {"revision", resolved_->revision},
                                                                      {"url", resolved_->url},
                                                                      {"path", plan_.mount_point()},
                                                                      {"restarts", self_.brief.restarts},
                                                                      {"offline", resolved_->is_offline ? "yes" : "no"},
                                                                      {"resent", session_->resends() ? "yes" : "no"}});
}

void Worker::watch_what_waits() {
  if (plan_.options.watchdog.count() == 0) return;
  const auto look = [this](Waiting::Time before) {
    std::vector<Waiting> waiting = waiting_threads(before);
    for (const RequestNote& note : filesystem_->parked().older_than(before, kMostWaiting))
      waiting.push_back({name_of(note.operation), note.inode, "an object", note.object, note.thread, note.since});
    return waiting;
  };
  watchdog_.emplace(Watchdog::Options{resolved_->repository_name, resolved_->url, plan_.options.watchdog}, look,
                    [this](InodeNumber inode) { return snapshots_->current()->snapshot->path_at_hand(inode); });
}

void Worker::look_ahead() {
  const bool replaying = replay_ && replay_->is_under_way();
  snapshots_->current()->snapshot->hold_read_ahead(replaying);
  kernel_read_ahead_->adapt(replaying ? KernelReadAhead::Profile::kReplaying : KernelReadAhead::Profile::kNone);
}

void Worker::wait_for_the_end() {
  const sigset_t set = ending_signals();
  const UniqueFd signals(::signalfd(-1, &set, SFD_CLOEXEC));
  for (;;) {
    pollfd wanted[] = {{session_->ended(), POLLIN, 0}, {channel_.fd(), POLLIN, 0}, {signals.get(), POLLIN, 0}};
    const int ready = ::poll(wanted, std::size(wanted), kNowAndThenMs);
    if (ready < 0 && errno != EINTR) return end();
    if (ready == 0) look_ahead();
    if (ready <= 0) continue;
    if (wanted[0].revents != 0) return end();
    if (wanted[1].revents != 0) hear_supervisor();
    if (wanted[2].revents != 0) ask_to_leave(signals.get());
  }
}

void Worker::hear_supervisor() {
  const auto message = channel_.receive();
  if (!message) return go_on_alone();
  if (message->word != WorkerChannel::Word::kYield) return;
  log::info("worker gives way", {{"path", plan_.mount_point()}});
  log::flush(kLogTimeout);
  ::_exit(0);  // what is unanswered, the next one answers
}

// The supervisor was killed. The mount lives as long as we do, and ends when it is unmounted.
void Worker::go_on_alone() {
  channel_ = WorkerChannel();
  self_.brief.supervisor = 0;
  if (control_) control_->become_its_owner();
  log::error("supervisor is gone: the mount goes on, but nobody will replace this worker",
             {{"path", plan_.mount_point()}, {"remedy", "unmount and mount again when it is not in use"}});
}

void Worker::ask_to_leave(int signals) {
  signalfd_siginfo signal{};
  [[maybe_unused]] const ssize_t n = ::read(signals, &signal, sizeof signal);
  if (!channel_.send(WorkerChannel::Word::kLeave))
    log::warn("cannot unmount by myself", {{"path", plan_.mount_point()}, {"remedy", "granary umount"}});
}

void Worker::end() {
  log::info("unmounted", {{"repository", resolved_->repository_name}, {"path", plan_.mount_point()}});
  [[maybe_unused]] const Status said = channel_.send(WorkerChannel::Word::kEnded);
  const auto deadline = std::chrono::steady_clock::now() + kParkedTimeout;
  kernel_caches_->close();
  const bool is_quiet = filesystem_->parked().wait_until_empty(deadline) && follower_->stop(deadline) &&
                        snapshots_->current()->snapshot->stop_read_ahead(deadline);
  const bool is_closed = !control_ || control_->close(deadline);
  if (is_quiet && is_closed) return;
  log::flush(kLogTimeout);
  ::_exit(0);  // whoever waited is gone, and what they waited for may never come
}

int run_worker(int channel_fd, const char* version) {
  ::prctl(PR_SET_NAME, "granary-worker");
  ::fcntl(channel_fd, F_SETFD, FD_CLOEXEC);
  WorkerChannel channel{UniqueFd(channel_fd)};
  const auto failed = [](const Error& error) {
    std::fprintf(stderr, "granary-mount: %s\n", error.message.c_str());
    return static_cast<int>(error.code);
  };
  auto start = Worker::receive_start(channel);
  if (!start) return failed(start.error());
  log::set_level(start->plan.options.verbose ? log::Level::kDebug : log::Level::kInfo);
  const int last_words = ::fcntl(channel_fd, F_DUPFD_CLOEXEC, 3);
  Worker worker(*std::move(start), std::move(channel), version);
  const Status served = worker.serve();
  if (served) return 0;
  [[maybe_unused]] const Status said =
      WorkerChannel(UniqueFd(last_words)).send(WorkerChannel::Word::kFailed, served.error().message);
  return failed(served.error());
}

}  // namespace granary
