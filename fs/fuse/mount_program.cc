#include "fs/fuse/mount_program.h"

#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cstdio>

#include "fs/base/file.h"
#include "fs/base/log.h"
#include "fs/client/connection.h"
#include "fs/client/control_socket.h"
#include "fs/client/mount_control.h"
#include "fs/client/mount_jobs.h"
#include "fs/client/repository_view.h"
#include "fs/fuse/filesystem.h"
#include "fs/fuse/kernel_read_ahead.h"
#include "fs/fuse/log_target.h"
#include "fs/fuse/mount_session.h"
#include "fs/fuse/startup.h"

namespace granary {

namespace {
constexpr std::chrono::seconds kParkedTimeout{2};

struct Places {
  std::string cache;
  std::string state;
};

Places places_for(const MountOptions& options, const TrustFile& trust) {
  return {
      options.cache_directory.empty() ? default_cache_directory() + "/" + trust.repository : options.cache_directory,
      options.state_directory.empty() ? default_state_directory() : options.state_directory};
}

// A descriptor for each thread, and for each object that is being read.
void raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = std::min<rlim_t>(limit.rlim_max, 65536);
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

// An absolute path stays right when the daemon leaves the directory.
Result<std::string> absolute(const std::string& path) {
  if (path.empty() || path.front() == '/') return path;
  char* const here = ::get_current_dir_name();
  if (here == nullptr) return system_error(errno, "cannot tell where we are");
  const std::string out = str(here, "/", path);
  std::free(here);
  return out;
}

class MountProgram {
 public:
  explicit MountProgram(MountOptions options) : options_(std::move(options)) {}

  // Everything before the fork: what the user got wrong is told at once.
  Status prepare() {
    options_.cache_directory = TRY(absolute(options_.cache_directory));
    options_.state_directory = TRY(absolute(options_.state_directory));
    options_.ca_file = TRY(absolute(options_.ca_file));
    if (options_.log != "stderr" && options_.log != "syslog") options_.log = TRY(absolute(options_.log));
    trust_ = TRY(TrustFile::load(options_.trust_file));
    url_ = TRY(repository_url(options_.source));
    places_ = places_for(options_, *trust_);
    mount_point_ = TRY(prepare_mount_point(options_.mount_point));
    return Done{};
  }

  Status serve(Startup& startup) {
    const LogTarget target = TRY(LogTarget::open(options_.log, options_.foreground, places_.state));
    set_ending_signals(EndingSignals::kBlocked);  // in every thread that is started from here on
    const auto connection =
        TRY(Connection::open({url_, trust_->name, places_.cache, options_.quota_bytes, options_.ca_file}));
    set_ending_signals(EndingSignals::kLetThrough);  // a source that does not answer can be left
    const auto view = TRY(open_view(connection->fetcher()));
    const ResolvedSnapshot resolved = TRY(resolve(*view));
    set_ending_signals(EndingSignals::kBlocked);
    const auto replay = start_replay(*view, resolved, *connection);  // beside all that follows
    const auto snapshot = TRY(MountedSnapshot::open(resolved.snapshot.catalog, connection->fetcher(),
                                                    {resolved.repository_name, resolved.url}));
    const auto found_in =
        connection->fetcher().stats().misses > 0 ? KernelReadAhead::Cache::kCold : KernelReadAhead::Cache::kWarm;
    if (options_.check_only) return startup.ready(), Done{};
    BackgroundFill fill(resolved.snapshot.catalog, connection->fetcher(), connection->cache(),
                        {resolved.repository_name});
    MountJobs jobs({resolved.snapshot.catalog, {}, resolved.id, resolved.repository, {}}, places_.cache,
                   connection->fetcher(), connection->cache());
    const MountStatus status({resolved, *snapshot, connection->fetcher(), connection->cache(), fill, mount_point_,
                              places_.cache, target.name(), Clock::system().now(), replay.get()});
    Filesystem filesystem(*snapshot, status, {options_.acl});
    const auto session = TRY(MountSession::start(filesystem, options_, public_url(options_.source), mount_point_));
    KernelReadAhead kernel_read_ahead(session->mount(), *snapshot, found_in);
    const auto look_ahead = [&] {
      const bool replaying = replay && replay->is_under_way();
      snapshot->hold_read_ahead(replaying);
      kernel_read_ahead.adapt(replaying ? KernelReadAhead::Profile::kReplaying : KernelReadAhead::Profile::kNone);
    };
    look_ahead();
    MountControl questions;
    answer_stat(questions, status);
    answer_recording(questions, status, resolved, *snapshot);
    answer_fill(questions, fill);
    answer_jobs(questions, jobs);
    auto control = ControlSocket::listen(session->mount().device, [&](const std::string& question) {
      auto answer = questions.answer(question);
      look_ahead();  // a recording may have begun
      return answer;
    });
    startup.ready();
    target.use();
    if (replay) replay->let_log();
    if (options_.fill) fill.start(*options_.fill);
    if (!control) log::warn("no control socket", {{"cause", control.error().message}});
    log::info("mounted", {{"repository", resolved.repository_name},
                          {"snapshot", resolved.id},
                          {"revision", resolved.revision},
                          {"url", resolved.url},
                          {"path", mount_point_}});
    session->wait(look_ahead);
    log::info("unmounted", {{"repository", resolved.repository_name}, {"path", mount_point_}});
    const auto deadline = std::chrono::steady_clock::now() + kParkedTimeout;
    if (filesystem.parked().wait_until_empty(deadline) && snapshot->stop_read_ahead(deadline)) return Done{};
    if (control) control->reset();
    ::_exit(0);  // whoever waited is gone, and what they waited for may never come
  }

 private:
  Result<std::unique_ptr<RepositoryView>> open_view(Fetcher& fetcher) {
    ViewOptions options;
    options.url = public_url(url_);
    options.trust = trust_;
    options.state_directory = places_.state;
    options.archive = options_.archive;
    options.allow_withdrawn = options_.allow_withdrawn;
    return RepositoryView::open(fetcher, options, options_.selector);
  }

  Result<ResolvedSnapshot> resolve(RepositoryView& view) {
    ResolvedSnapshot resolved = TRY(view.resolve(options_.selector));
    if (resolved.stale_since) {
      std::fprintf(stderr,
                   "granary-mount: archive: %s is stale since %s; newer states may exist, and its date is unproven\n",
                   resolved.url.c_str(), format_utc(*resolved.stale_since).c_str());
    }
    return resolved;
  }

  // Nothing when no profile was asked for.
  std::unique_ptr<ProfileReplay> start_replay(const RepositoryView& view, const ResolvedSnapshot& resolved,
                                              Connection& connection) const {
    if (options_.profile.empty() || options_.check_only) return nullptr;
    const VerifiedHead& head = view.head();
    return ProfileReplay::start(
        connection.fetcher(),
        {head.root(), head.record().names, resolved.id, resolved.snapshot, resolved.repository_name},
        {options_.profile, options_.profile_limit_bytes, connection.cache().stats().quota_bytes});
  }

  MountOptions options_;
  std::optional<TrustFile> trust_;
  std::string url_;
  Places places_;
  std::string mount_point_;
};

int report(const Error& error) {
  std::fprintf(stderr, "granary-mount: %s\n", error.message.c_str());
  return static_cast<int>(error.code);
}
}  // namespace

int run_mount_program(const MountOptions& options) {
  log::set_level(options.verbose ? log::Level::kDebug : log::Level::kInfo);
  raise_descriptor_limit();
  MountProgram program(options);
  if (const Status prepared = program.prepare(); !prepared) return report(prepared.error());
  Startup startup = options.foreground ? Startup::in_foreground() : Startup::as_daemon();
  const Status served = program.serve(startup);
  if (served) return 0;
  const int status = report(served.error());
  startup.failed(status);
  return status;
}

}  // namespace granary
