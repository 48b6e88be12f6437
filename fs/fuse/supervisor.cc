#include "fs/fuse/supervisor.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>

#include <nlohmann/json.hpp>

#include "fs/base/file.h"
#include "fs/base/log.h"
#include "fs/client/control_socket.h"
#include "fs/client/operation_trace.h"
#include "fs/client/repository_view.h"
#include "fs/client/runtime_directory.h"
#include "fs/client/worker_brief.h"
#include "fs/fuse/change_request.h"
#include "fs/fuse/ending_signals.h"
#include "fs/fuse/kept_memory.h"
#include "fs/fuse/log_target.h"
#include "fs/fuse/mount_device.h"
#include "fs/fuse/refusals.h"
#include "fs/fuse/request_table.h"
#include "fs/fuse/upgrade_request.h"
#include "fs/fuse/worker_process.h"

namespace granary {

namespace {
using Steady = std::chrono::steady_clock;
using std::chrono::milliseconds;
using std::chrono::seconds;
using Word = WorkerChannel::Word;

constexpr unsigned kRestartsAtOnce = 3;
constexpr milliseconds kFirstPause{100};
constexpr milliseconds kLongestPause{30000};
constexpr seconds kHealthyAfter{1};  // a worker that has served so long is no part of a crash loop
// Without a worker that serves; then requests are refused. One that is alive is being loaded, which takes a machine
// that is busy or slow its time.
constexpr seconds kPatience{4};
constexpr seconds kPatienceWithABeginner{20};
constexpr seconds kLastUsersTimeout{5};
constexpr seconds kYieldTimeout{2};
constexpr seconds kUpgradeTimeout{60};                           // who asks waits longer
constexpr std::string_view kStateKind = "granary supervisor 1";  // changes with what `replace_supervisor` writes
constexpr size_t kMaxStateBytes = size_t{4} << 20;

Result<UniqueFd> memory_with(const char* name, ByteView bytes) {
  UniqueFd fd(::memfd_create(name, MFD_CLOEXEC));
  if (!fd.valid()) return system_error(errno, "cannot make a memory file");
  TRY(write_all_at(fd.get(), 0, bytes));
  return fd;
}

int report(const Error& error) {
  std::fprintf(stderr, "granary-mount: %s\n", error.message.c_str());
  return static_cast<int>(error.code);
}

// Under way: a worker that is to take the place of the one that serves.
struct Upgrade {
  UniqueFd connection;  // who asked, and waits for the answer
  UniqueFd program;
  WorkerProcess worker;
  Steady::time_point give_up_at;  // unless it is prepared then
  std::string from;
  bool replaces = false;  // the worker before was told to go
  bool with_supervisor = true;
  // Of a change: what the mount is to be from then on, by the same program.
  std::optional<MountPlan> plan;
  UniqueFd plan_memory;
  std::string changed;
};

class Supervisor {
 public:
  Supervisor(MountPlan plan, Startup startup, const char* version)
      : plan_(std::move(plan)), startup_(std::move(startup)), version_(version) {}

  Status prepare();
  Status take_over(int state);
  int run();
  void fail(int exit_status);  // before the mount ever answered; the message has been printed

 private:
  void protect() const;
  void watch();
  void on_signal();
  void on_children();
  template <class OnMessage>
  void hear(WorkerProcess& worker, OnMessage on_message);
  void on_worker_message(const WorkerChannel::Message& message);
  void on_upgrade_message(const WorkerChannel::Message& message);
  void on_question();

  void start_worker();
  Result<WorkerProcess> new_worker(int program, int plan_memory);
  bool mount();
  void listen(std::optional<ControlListener>& listener, ControlListener::Of of) const;
  void let_serve();
  Result<UniqueFd> make_trace_file() const;
  void on_serving();
  void on_death(int status);
  void die_with(int status);
  void on_end();
  void plan_restart();
  void refuse_if_impatient();
  seconds patience() const { return worker_.is_alive() ? kPatienceWithABeginner : kPatience; }
  void stop_refusing();
  void set_blocking(bool blocking) const;
  void leave(int signal);

  std::string status_json() const;
  Status begin_upgrade(const UpgradeRequest& request, UniqueFd& connection);
  Status begin_change(const ChangeRequest& request, UniqueFd& connection);
  void let_prepare(WorkerProcess worker, UniqueFd connection);
  bool is_getting_ready() const { return upgrade_ && !upgrade_->replaces; }
  Error upgrade_failed(const std::string& why) const;
  void finish_change();
  void take_over_from_old();
  void finish_upgrade();
  void tell_upgraded(const std::string& from) const;
  void end_upgrade(const Result<std::string>& answer);
  void replace_supervisor();
  std::string upgrade_answer(const std::string& from, const std::string& to, const char* supervisor) const;

  MountPlan plan_;
  Startup startup_;
  const std::string version_;
  std::optional<LogTarget> log_;
  UniqueFd program_;  // what workers are started from
  UniqueFd plan_memory_;
  UniqueFd kept_;
  UniqueFd requests_;
  std::optional<MountedDevice> mount_;        // once a worker was prepared
  std::optional<ControlListener> questions_;  // for workers
  std::optional<ControlListener> own_questions_;
  UniqueFd read_ahead_;
  UniqueFd signals_;

  WorkerProcess worker_;
  std::optional<Upgrade> upgrade_;
  WorkerBrief brief_;
  std::string failure_;  // what the worker said before it ended by itself
  unsigned deaths_in_row_ = 0;
  bool is_serving_ = false;
  bool is_refusing_ = false;
  bool has_served_ = false;  // the mount has answered: startup is over
  bool is_over_ = false;
  int exit_status_ = 0;
  Steady::time_point since_;  // serving, or not, since then
  std::optional<Steady::time_point> restart_at_;
  std::optional<Steady::time_point> kill_at_;  // a worker that was told to go, or all of it when the mount is to end
  bool is_leaving_ = false;                    // the mount is to end, or has ended
  bool has_ended_ = false;                     // as the worker says
};

Status Supervisor::prepare() {
  log_ = TRY(LogTarget::open(plan_.options.log, plan_.options.foreground, plan_.state_directory(),
                             {plan_.options.log_format, plan_.options.log_rotation}));
  program_ = TRY(open_file("/proc/self/exe", O_PATH | O_CLOEXEC));
  plan_memory_ = TRY(memory_with("granary-plan", plan_.serialise()));
  kept_.reset(::fcntl(TRY(KeptMemory::create()).fd(), F_DUPFD_CLOEXEC, 3));
  requests_ = TRY(RequestTable::make_memory());
  return Done{};
}

// The one process without which a mount cannot go on is the last to be killed for want of memory.
void Supervisor::protect() const {
  const UniqueFd file(::open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC));
  if (file.valid()) [[maybe_unused]]
    const ssize_t written = ::write(file.get(), "-1000", 5);
}

int Supervisor::run() {
  sigset_t set = ending_signals();
  sigaddset(&set, SIGCHLD);
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  signals_.reset(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  protect();
  brief_.supervisor = ::getpid();
  since_ = Steady::now();
  if (!worker_.is_alive()) start_worker();
  while (!is_over_) watch();
  if (mount_) OperationTrace::forget_unused_file(runtime_directory(), plan_.mount_point());
  return exit_status_;
}

// One round of the loop: waits for whatever comes first.
void Supervisor::watch() {
  const int device = is_refusing_ ? mount_->fuse.get() : -1;
  pollfd wanted[] = {
      {signals_.get(), POLLIN, 0},
      {worker_.channel().fd(), POLLIN, 0},
      {upgrade_ ? upgrade_->worker.channel().fd() : -1, POLLIN, 0},
      {own_questions_ ? own_questions_->fd() : -1, POLLIN, 0},
      {device, POLLIN, 0},
  };
  const auto now = Steady::now();
  auto next = now + seconds(3600);
  if (restart_at_) next = std::min(next, *restart_at_);
  if (kill_at_) next = std::min(next, *kill_at_);
  if (is_getting_ready()) next = std::min(next, upgrade_->give_up_at);
  if (has_served_ && !is_serving_ && !is_refusing_) next = std::min(next, since_ + patience());
  const auto wait = std::chrono::ceil<milliseconds>(std::max(next - now, Steady::duration::zero()));
  if (::poll(wanted, std::size(wanted), static_cast<int>(wait.count())) < 0) return;

  if (wanted[1].revents != 0) hear(worker_, [this](const auto& message) { on_worker_message(message); });
  if (upgrade_ && wanted[2].revents != 0)
    hear(upgrade_->worker, [this](const auto& message) { on_upgrade_message(message); });
  if (wanted[0].revents != 0) on_signal();
  if (wanted[3].revents != 0) on_question();
  if (is_over_) return;
  if (is_refusing_ && wanted[4].revents != 0 && !refuse_waiting(mount_->fuse.get())) return on_end();
  if (kill_at_ && Steady::now() >= *kill_at_) {
    kill_at_.reset();
    if (is_leaving_) return on_end();
    worker_.kill();  // it was told to go
    on_death(SIGKILL);
  }
  if (is_getting_ready() && Steady::now() >= upgrade_->give_up_at)
    end_upgrade(upgrade_failed(str("not ready within ", kUpgradeTimeout.count(), " s")));
  if (restart_at_ && Steady::now() >= *restart_at_) start_worker();
  refuse_if_impatient();
}

void Supervisor::on_signal() {
  signalfd_siginfo signal{};
  while (!is_over_ && ::read(signals_.get(), &signal, sizeof signal) == sizeof signal) {
    if (signal.ssi_signo == SIGCHLD) {
      on_children();
    } else {
      leave(static_cast<int>(signal.ssi_signo));
    }
  }
}

// Takes the mount out of the tree; it ends with its last user, or soon.
void Supervisor::leave(int signal) {
  if (!mount_) {  // nothing is mounted yet
    worker_.kill();
    ::signal(signal, SIG_DFL);
    set_ending_signals(EndingSignals::kLetThrough);
    ::raise(signal);
    return;
  }
  if (is_leaving_) return on_end();  // asked twice
  log::info("signal received", {{"signal", signal}, {"path", plan_.mount_point()}});
  detach(mount_->mount);
  is_leaving_ = true;
  kill_at_ = Steady::now() + kLastUsersTimeout;
}

void Supervisor::on_children() {
  if (upgrade_) {
    if (const auto status = upgrade_->worker.ended()) {
      hear(upgrade_->worker, [this](const auto& message) { on_upgrade_message(message); });  // its last words
      if (upgrade_ && !upgrade_->replaces) {
        end_upgrade(upgrade_failed(failure_.empty() ? describe_end(*status) : failure_));
      }
    }
  }
  if (const auto status = worker_.ended()) {
    hear(worker_, [this](const auto& message) { on_worker_message(message); });
    if (!is_over_) on_death(*status);
  }
}

// Takes in whatever a worker has said.
template <class OnMessage>
void Supervisor::hear(WorkerProcess& worker, OnMessage on_message) {
  while (worker.channel().is_open()) {
    pollfd wanted{worker.channel().fd(), POLLIN, 0};
    if (::poll(&wanted, 1, 0) <= 0) return;
    const auto message = worker.channel().receive();
    if (!message) return worker.hang_up();  // its end is told by SIGCHLD
    on_message(*message);
  }
}

void Supervisor::on_worker_message(const WorkerChannel::Message& message) {
  switch (message.word) {
    case Word::kPrepared:
      worker_.version = message.text;
      if (mount_ || mount()) let_serve();
      return;
    case Word::kFailed: failure_ = message.text; return;
    case Word::kServing: return on_serving();
    case Word::kLeave: return leave(SIGTERM);
    case Word::kEnded:
      is_leaving_ = has_ended_ = true;
      kill_at_ = Steady::now() + kLastUsersTimeout;
      return;
    default: return;
  }
}

void Supervisor::start_worker() {
  restart_at_.reset();
  failure_.clear();
  auto worker = new_worker(program_.get(), plan_memory_.get());
  if (worker) {
    worker_ = *std::move(worker);
    return;
  }
  failure_ = worker.error().message;
  if (!has_served_) return fail(report(worker.error()));
  plan_restart();
}

Result<WorkerProcess> Supervisor::new_worker(int program, int plan_memory) {
  WorkerProcess worker = TRY(WorkerProcess::start(program, {public_url(plan_.options.source), plan_.mount_point()}));
  const Status sent =
      worker.channel().send(Word::kStart, brief_.serialise(), {plan_memory, kept_.get(), requests_.get()});
  if (!sent) worker.hang_up();  // it has ended, or does now: SIGCHLD tells how
  return worker;
}

// The first worker has a snapshot to show. False: the mount cannot be made, and all is over.
bool Supervisor::mount() {
  auto mounted = mount_device(plan_.options, public_url(plan_.options.source), plan_.mount_point());
  if (!mounted) {
    fail(report(mounted.error()));
    return false;
  }
  mount_ = *std::move(mounted);
  brief_.mounted_at = Clock::system().now();
  read_ahead_ = open_read_ahead_setting(mount_->mount.device);
  listen(questions_, ControlListener::Of::kMount);
  listen(own_questions_, ControlListener::Of::kSupervisor);
  return true;
}

void Supervisor::listen(std::optional<ControlListener>& listener, ControlListener::Of of) const {
  auto bound = ControlListener::bind(mount_->mount.device, of);
  if (bound) {
    listener.emplace(*std::move(bound));
  } else {
    log::warn("no control socket", {{"cause", bound.error().message}});
  }
}

void Supervisor::let_serve() {
  stop_refusing();
  since_ = Steady::now();  // it has as long again to say that it serves
  std::string what;
  std::vector<int> fds{mount_->fuse.get()};
  if (questions_) what += " control", fds.push_back(questions_->fd());
  if (read_ahead_.valid()) what += " read-ahead", fds.push_back(read_ahead_.get());
  const auto trace = make_trace_file();
  if (trace) what += " trace", fds.push_back(trace->get());
  [[maybe_unused]] const Status sent = worker_.channel().send(Word::kServe, what, fds);  // else SIGCHLD comes
}

Result<UniqueFd> Supervisor::make_trace_file() const {
  const auto directory = make_runtime_directory();
  auto file = directory ? OperationTrace::make_file(*directory, plan_.mount_point()) : directory.error();
  if (!file) log::warn("operations cannot be traced", {{"cause", file.error().message}});
  return file;
}

void Supervisor::on_serving() {
  is_serving_ = true;
  since_ = Steady::now();
  if (!has_served_) {
    has_served_ = true;
    startup_.ready();
    log_->use();
  } else if (deaths_in_row_ > 0) {
    log::info("worker serves again",
              {{"path", plan_.mount_point()}, {"worker", worker_.pid()}, {"deaths", deaths_in_row_}});
  }
  if (upgrade_) finish_upgrade();
}

void Supervisor::on_death(int status) {
  if (has_ended_ || (mount_ && has_ended(mount_->fuse.get()))) return on_end();
  if (!has_served_) return die_with(status);
  if (!is_leaving_) kill_at_.reset();
  const auto now = Steady::now();
  if (is_serving_ && now - since_ >= kHealthyAfter) deaths_in_row_ = 0;
  if (is_serving_) since_ = now;
  is_serving_ = false;
  if (upgrade_ && upgrade_->replaces && upgrade_->worker.is_alive()) return take_over_from_old();
  ++deaths_in_row_;
  ++brief_.restarts;
  brief_.last_restart_at = Clock::system().now();
  const std::string cause = failure_.empty() ? describe_end(status) : failure_;
  if (cause != brief_.last_restart_cause || deaths_in_row_ == 1)
    log::warn("worker died", {{"path", plan_.mount_point()}, {"cause", cause}, {"restarts", brief_.restarts}});
  brief_.last_restart_cause = cause;
  if (upgrade_) end_upgrade(upgrade_failed(cause));
  plan_restart();
}

// Before the mount ever answered: what the worker said has been printed, and its status is ours.
void Supervisor::die_with(int status) {
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0 && plan_.options.check_only) {
    startup_.ready();
    is_over_ = true;
    return;
  }
  if (WIFEXITED(status) && WEXITSTATUS(status) != 0) return fail(WEXITSTATUS(status));
  fail(report({Code::kInternal, "the worker ended before the mount answered: " + describe_end(status)}));
}

void Supervisor::fail(int exit_status) {
  worker_.kill();
  if (mount_) detach(mount_->mount);
  startup_.failed(exit_status);
  exit_status_ = exit_status;
  is_over_ = true;
}

void Supervisor::plan_restart() {
  milliseconds pause{0};
  if (deaths_in_row_ > kRestartsAtOnce)
    pause =
        std::min<milliseconds>(kLongestPause, kFirstPause * (1 << std::min(deaths_in_row_ - kRestartsAtOnce - 1, 12U)));
  restart_at_ = Steady::now() + pause;
}

void Supervisor::refuse_if_impatient() {
  if (is_over_ || !has_served_ || is_serving_ || is_refusing_ || Steady::now() - since_ < patience()) return;
  log::error("no worker serves: requests are refused until one does",
             {{"path", plan_.mount_point()}, {"cause", brief_.last_restart_cause}, {"deaths", deaths_in_row_}});
  is_refusing_ = true;
  set_blocking(false);
  refuse_left_over(mount_->fuse.get(), requests_.get());
}

void Supervisor::stop_refusing() {
  if (!is_refusing_) return;
  is_refusing_ = false;
  set_blocking(true);  // as workers read
}

void Supervisor::set_blocking(bool blocking) const {
  const int flags = ::fcntl(mount_->fuse.get(), F_GETFL);
  ::fcntl(mount_->fuse.get(), F_SETFL, blocking ? flags & ~O_NONBLOCK : flags | O_NONBLOCK);
}

void Supervisor::on_end() {
  worker_.kill();
  if (upgrade_) end_upgrade(Error{Code::kUnavailable, "the mount has ended"});
  is_over_ = true;
}

void Supervisor::on_question() {
  UniqueFd connection(::accept4(own_questions_->fd(), nullptr, nullptr, SOCK_CLOEXEC));
  if (!connection.valid() || !may_ask(connection.get())) return;
  const auto question = read_question(connection.get());
  if (!question) return;
  if (*question == "status") return send_answer(connection.get(), status_json());
  Status begun = Error{Code::kInvalid, "no such question: " + printable(*question)};
  const int asker = connection.get();
  if (const auto request = UpgradeRequest::parse(*question)) begun = begin_upgrade(*request, connection);
  if (const auto request = ChangeRequest::parse(*question)) begun = begin_change(*request, connection);
  if (!begun) send_answer(asker, begun.error());
}

std::string Supervisor::status_json() const {
  const char* const state = is_serving_ ? "serving" : is_refusing_ ? "refusing" : "restarting";
  const nlohmann::ordered_json out{
      {"supervisor_pid", ::getpid()},
      {"version", version_},
      {"worker_pid", worker_.is_alive() ? nlohmann::ordered_json(worker_.pid()) : nlohmann::ordered_json()},
      {"worker_version", worker_.version},
      {"state", state},
      {"restarts", brief_.restarts},
      {"last_restart_at", brief_.last_restart_at == 0 ? nlohmann::ordered_json()
                                                      : nlohmann::ordered_json(format_utc(brief_.last_restart_at))},
      {"last_restart_cause", printable(brief_.last_restart_cause)}};
  return out.dump();
}

// The new program proves itself beside the old one: it opens the snapshot and says that it is prepared.
// `connection` is taken over if that begins.
Status Supervisor::begin_upgrade(const UpgradeRequest& request, UniqueFd& connection) {
  if (upgrade_) return Error{Code::kBusy, "another upgrade is under way"};
  UniqueFd program = TRY_WITHIN("cannot upgrade", open_file(request.program, O_PATH | O_CLOEXEC));
  failure_.clear();
  WorkerProcess worker = TRY_WITHIN("cannot upgrade", new_worker(program.get(), plan_memory_.get()));
  let_prepare(std::move(worker), std::move(connection));
  upgrade_->program = std::move(program);
  upgrade_->from = worker_.version;
  upgrade_->with_supervisor = request.with_supervisor;
  return Done{};
}

// The same program goes by another plan: an upgrade to that, with nothing lost if it cannot serve.
Status Supervisor::begin_change(const ChangeRequest& request, UniqueFd& connection) {
  if (upgrade_) return Error{Code::kBusy, "another change is under way"};
  if (!is_serving_) return Error{Code::kUnavailable, "no worker serves at the moment"};
  const std::string what = "cannot change " + request.option;
  MountPlan plan = TRY_WITHIN(what, plan_.changed(request.option, request.values, "told while mounted"));
  UniqueFd memory = TRY_WITHIN(what, memory_with("granary-plan", plan.serialise()));
  failure_.clear();
  WorkerProcess worker = TRY_WITHIN(what, new_worker(program_.get(), memory.get()));
  let_prepare(std::move(worker), std::move(connection));
  upgrade_->plan = std::move(plan);
  upgrade_->plan_memory = std::move(memory);
  upgrade_->changed = request.option;
  upgrade_->with_supervisor = false;
  return Done{};
}

void Supervisor::let_prepare(WorkerProcess worker, UniqueFd connection) {
  upgrade_.emplace();
  upgrade_->worker = std::move(worker);
  upgrade_->connection = std::move(connection);
  upgrade_->give_up_at = Steady::now() + kUpgradeTimeout;
}

Error Supervisor::upgrade_failed(const std::string& why) const {
  if (upgrade_->plan)
    return {Code::kInternal, str("cannot change ", upgrade_->changed, " (", why, "); the mount goes on as it was")};
  return {Code::kInternal, str("cannot upgrade: the new program failed (", why, "); the old one goes on")};
}

void Supervisor::finish_change() {
  plan_ = *std::move(upgrade_->plan);
  plan_memory_ = std::move(upgrade_->plan_memory);
  log::info("changed", {{"path", plan_.mount_point()}, {"option", upgrade_->changed}, {"worker", worker_.pid()}});
  end_upgrade(nlohmann::ordered_json{
      {"mount_point", printable(plan_.mount_point())}, {"changed", upgrade_->changed}, {"worker_pid", worker_.pid()}}
                  .dump());
}

void Supervisor::on_upgrade_message(const WorkerChannel::Message& message) {
  if (message.word == Word::kFailed) failure_ = message.text;
  if (message.word != Word::kPrepared || upgrade_->replaces) return;
  upgrade_->worker.version = message.text;
  upgrade_->replaces = true;
  if (!worker_.is_alive()) return take_over_from_old();
  [[maybe_unused]] const Status sent = worker_.channel().send(Word::kYield);  // its end is what counts
  kill_at_ = Steady::now() + kYieldTimeout;
}

// The old worker is gone: what it left unanswered is the new one's.
void Supervisor::take_over_from_old() {
  restart_at_.reset();
  worker_ = std::move(upgrade_->worker);
  let_serve();
}

void Supervisor::finish_upgrade() {
  if (upgrade_->plan) return finish_change();
  program_ = std::move(upgrade_->program);
  deaths_in_row_ = 0;
  if (upgrade_->with_supervisor) replace_supervisor();  // it tells and answers in our place
  tell_upgraded(upgrade_->from);
  end_upgrade(upgrade_answer(upgrade_->from, worker_.version, upgrade_->with_supervisor ? "kept" : "not asked"));
}

void Supervisor::tell_upgraded(const std::string& from) const {
  log::info("upgraded",
            {{"path", plan_.mount_point()}, {"from", from}, {"to", worker_.version}, {"supervisor", version_}});
}

void Supervisor::end_upgrade(const Result<std::string>& answer) {
  send_answer(upgrade_->connection.get(), answer);
  if (!answer)
    log::warn(upgrade_->plan ? "not changed" : "not upgraded",
              {{"path", plan_.mount_point()}, {"cause", answer.error().message}});
  upgrade_.reset();
}

std::string Supervisor::upgrade_answer(const std::string& from, const std::string& to, const char* supervisor) const {
  return nlohmann::ordered_json{{"mount_point", printable(plan_.mount_point())},
                                {"from", from},
                                {"to", to},
                                {"supervisor", supervisor},
                                {"supervisor_pid", ::getpid()},
                                {"worker_pid", worker_.pid()}}
      .dump();
}

// The new program in this process's place, with all descriptors and the worker as its child. Returns if that fails.
void Supervisor::replace_supervisor() {
  std::vector<int> fds;
  ByteWriter state;
  const auto leave_open = [&](int fd) {
    state.u32(static_cast<uint32_t>(fd));
    if (fd >= 0) fds.push_back(fd);
  };
  state.string(kStateKind);
  for (const int fd : {program_.get(), plan_memory_.get(), kept_.get(), requests_.get(), mount_->fuse.get(),
                       read_ahead_.get(), worker_.channel().fd(), upgrade_->connection.get()})
    leave_open(fd);
  for (const auto* listener : {&questions_, &own_questions_}) {
    leave_open(*listener ? (*listener)->fd() : -1);
    state.string(*listener ? (*listener)->path() : "");
  }
  state.u32(static_cast<uint32_t>(worker_.pid())).string(worker_.version).string(upgrade_->from);
  state.string(brief_.serialise());
  const auto memory = memory_with("granary-supervisor", state.view());
  if (!memory) return;
  fds.push_back(memory->get());
  const std::vector<std::string> words{"--supervise", std::to_string(memory->get()), public_url(plan_.options.source),
                                       plan_.mount_point()};
  const Error failed = execute(program_.get(), words, fds);
  log::warn("supervisor not replaced", {{"path", plan_.mount_point()}, {"cause", failed.message}});
}

Status Supervisor::take_over(int state_fd) {
  const UniqueFd memory(state_fd);
  const Bytes bytes = TRY(read_at(memory.get(), 0, kMaxStateBytes));
  ByteReader state(bytes);
  if (state.string() != kStateKind) return Error{Code::kUnsupported, "left by a supervisor of another version"};
  const auto next_fd = [&] {
    const int fd = static_cast<int>(state.u32());
    if (fd >= 0) ::fcntl(fd, F_SETFD, FD_CLOEXEC);
    return UniqueFd(fd);
  };
  program_ = next_fd();
  plan_memory_ = next_fd();
  kept_ = next_fd();
  requests_ = next_fd();
  mount_.emplace();
  mount_->fuse = next_fd();
  read_ahead_ = next_fd();
  UniqueFd channel = next_fd();
  UniqueFd connection = next_fd();
  for (auto* listener : {&questions_, &own_questions_}) {
    UniqueFd fd = next_fd();
    std::string path(state.string());
    if (fd.valid()) listener->emplace(std::move(path), std::move(fd));
  }
  const auto pid = static_cast<pid_t>(state.u32());
  worker_ = WorkerProcess(pid, WorkerChannel(std::move(channel)));
  worker_.version = state.string();
  const std::string from(state.string());
  brief_ = WorkerBrief::parse(state.string());
  if (!state.ok()) return Error{Code::kInvalid, "what the supervisor before left is cut off"};
  plan_ = TRY(MountPlan::parse(TRY(read_at(plan_memory_.get(), 0, kMaxStateBytes))));
  log::set_level(plan_.options.verbose ? log::Level::kDebug : log::Level::kInfo);
  log_ = TRY(LogTarget::open(plan_.options.log, plan_.options.foreground, plan_.state_directory(),
                             {plan_.options.log_format, plan_.options.log_rotation}));
  log_->use();
  if (const auto mount = TRY(mounted_at(plan_.mount_point()))) mount_->mount = *mount;
  is_serving_ = has_served_ = true;
  tell_upgraded(from);
  send_answer(connection.get(), upgrade_answer(from, worker_.version, "replaced"));
  return Done{};
}
}  // namespace

int supervise(MountPlan plan, Startup startup, const char* version) {
  Supervisor supervisor(std::move(plan), std::move(startup), version);
  if (const Status prepared = supervisor.prepare(); !prepared) {
    supervisor.fail(report(prepared.error()));
    return static_cast<int>(prepared.error().code);
  }
  return supervisor.run();
}

int supervise_on(int state, const char* version) {
  ::prctl(PR_SET_NAME, "granary-mount");
  Supervisor supervisor(MountPlan{}, Startup::in_foreground(), version);
  if (const Status taken = supervisor.take_over(state); !taken) return report(taken.error());
  return supervisor.run();
}

}  // namespace granary
