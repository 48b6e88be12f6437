#include "fs/fuse/worker.h"

#include <chrono>
#include <cstdio>

#include "fs/base/log.h"
#include "fs/fuse/effective_options.h"

namespace granary {

namespace {
constexpr std::chrono::seconds kParkedTimeout{2};

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
}  // namespace

Status Worker::serve(Startup& startup) {
  TRY(open_log());
  TRY(connect());
  TRY(choose_snapshot());
  TRY(open_snapshot());
  if (plan_.options.check_only) return startup.ready(), Done{};
  TRY(make_jobs());
  TRY(answer_the_kernel());
  answer_questions();
  say_ready(startup);
  wait_for_the_end();
  return Done{};
}

Status Worker::open_log() {
  log_ = TRY(LogTarget::open(plan_.options.log, plan_.options.foreground, plan_.state_directory()));
  return Done{};
}

Status Worker::connect() {
  set_ending_signals(EndingSignals::kBlocked);  // in every thread that is started from here on
  ConnectionOptions options;
  options.url = plan_.url;
  options.repository_name = plan_.trust.name;
  options.cache_directory = plan_.cache_directory();
  options.quota_bytes = plan_.options.quota_bytes;
  options.ca_file = plan_.options.ca_file;
  options.ways = plan_.ways;
  connection_ = TRY(Connection::open(options));
  return Done{};
}

Status Worker::choose_snapshot() {
  const LeavableWhile waiting;
  ViewOptions options;
  options.url = public_url(plan_.url);
  options.trust = plan_.trust;
  options.state_directory = plan_.state_directory();
  options.archive = plan_.options.archive;
  options.allow_withdrawn = plan_.options.allow_withdrawn;
  view_ = TRY(RepositoryView::open(connection_->fetcher(), options, plan_.options.selector));
  resolved_ = TRY(view_->resolve(plan_.options.selector));
  tell_when_stale(*resolved_);
  return Done{};
}

Status Worker::open_snapshot() {
  replay_ = start_replay();  // beside all that follows
  const MountedSnapshot::Names names{resolved_->repository_name, resolved_->url};
  snapshot_ = TRY(MountedSnapshot::open(resolved_->snapshot.catalog, connection_->fetcher(), names));
  if (connection_->fetcher().stats().misses > 0) found_in_ = KernelReadAhead::Cache::kCold;
  return Done{};
}

std::unique_ptr<ProfileReplay> Worker::start_replay() const {
  if (plan_.options.profile.empty() || plan_.options.check_only) return nullptr;
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

Status Worker::answer_the_kernel() {
  status_.emplace(MountStatus::Parts{*resolved_, *snapshot_, connection_->fetcher(), connection_->cache(), *fill_,
                                     plan_.mount_point(), plan_.cache_directory(), log_->name(), Clock::system().now(),
                                     replay_.get()});
  filesystem_.emplace(*snapshot_, *status_, Filesystem::Options{plan_.options.acl, plan_.options.identities});
  session_ =
      TRY(MountSession::start(*filesystem_, plan_.options, public_url(plan_.options.source), plan_.mount_point()));
  kernel_read_ahead_.emplace(session_->mount(), *snapshot_, found_in_);
  look_ahead();
  return Done{};
}

void Worker::answer_questions() {
  answer_stat(questions_, *status_);
  answer_recording(questions_, *status_, *resolved_, *snapshot_);
  answer_fill(questions_, *fill_);
  answer_jobs(questions_, *jobs_);
  questions_.add("options", [this](const std::string&) -> Result<std::string> {
    return effective_json(plan_.options).canonical();
  });
  auto control = ControlSocket::listen(session_->mount().device, [this](const std::string& question) {
    auto answer = questions_.answer(question);
    look_ahead();  // a recording may have begun
    return answer;
  });
  if (control) {
    control_ = *std::move(control);
  } else {
    log::warn("no control socket", {{"cause", control.error().message}});
  }
}

void Worker::say_ready(Startup& startup) {
  startup.ready();
  log_->use();
  if (replay_) replay_->let_log();
  if (plan_.options.fill) fill_->start(*plan_.options.fill);
  log::info("mounted", {{"repository", resolved_->repository_name},
                        {"snapshot", resolved_->id},
                        {"revision", resolved_->revision},
                        {"url", resolved_->url},
                        {"path", plan_.mount_point()}});
}

void Worker::look_ahead() {
  const bool replaying = replay_ && replay_->is_under_way();
  snapshot_->hold_read_ahead(replaying);
  kernel_read_ahead_->adapt(replaying ? KernelReadAhead::Profile::kReplaying : KernelReadAhead::Profile::kNone);
}

void Worker::wait_for_the_end() {
  session_->wait([this] { look_ahead(); });
  log::info("unmounted", {{"repository", resolved_->repository_name}, {"path", plan_.mount_point()}});
  const auto deadline = std::chrono::steady_clock::now() + kParkedTimeout;
  if (filesystem_->parked().wait_until_empty(deadline) && snapshot_->stop_read_ahead(deadline)) return;
  control_.reset();
  ::_exit(0);  // whoever waited is gone, and what they waited for may never come
}

}  // namespace granary
