#include "tools/vm/kept_machine.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <thread>

#include "fs/base/file.h"
#include "tools/job_watch.h"
#include "tools/vm/keeper.h"
#include "tools/vm/micro_media.h"
#include "tools/vm/qemu_process.h"

namespace granary {

namespace {
using SteadyClock = std::chrono::steady_clock;
constexpr std::chrono::milliseconds kPollEvery{20};
constexpr std::chrono::seconds kPatienceWithKeeper{8};
constexpr size_t kLongestName = 64;
constexpr char kLeaveConsole = 0x1d;  // Ctrl-]
constexpr int kQuietAfterInputMs = 1000;
constexpr const char* kFirstSnapshot = "first.id";

OrderedJson json_of(const ProcessIdentity& process) { return {{"pid", process.pid}, {"began", process.began}}; }

ProcessIdentity process_of(const OrderedJson& json) {
  return {json.at("pid").get<pid_t>(), json.at("began").get<std::string>()};
}

std::string machines_folder() {
  const char* state = std::getenv("XDG_STATE_HOME");
  if (state != nullptr && *state == '/') return str(state, "/granary/vms");
  const char* home = std::getenv("HOME");
  return str(home != nullptr ? home : "/root", "/.local/state/granary/vms");
}

// What the keeper said about its start.
Status hear_keeper(int pipe) {
  Bytes word;
  char buffer[4096];
  for (;;) {
    const ssize_t got = ::read(pipe, buffer, sizeof buffer);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    word.append(buffer, static_cast<size_t>(got));
  }
  if (word == "ok") return Done{};
  if (word.empty()) return Error{Code::kInternal, "the machine's keeper ended without a word"};
  return Error{static_cast<Code>(std::atoi(word.c_str())), word.substr(word.find(' ') + 1)};
}

// The terminal without line editing and signals, while this lives.
class RawTerminal {
 public:
  RawTerminal() {
    if (::tcgetattr(STDIN_FILENO, &before_) != 0) return;
    is_terminal_ = true;
    termios raw = before_;
    ::cfmakeraw(&raw);
    raw.c_oflag |= OPOST;
    ::tcsetattr(STDIN_FILENO, TCSANOW, &raw);
  }
  ~RawTerminal() {
    if (is_terminal_) ::tcsetattr(STDIN_FILENO, TCSANOW, &before_);
  }
  RawTerminal(const RawTerminal&) = delete;
  RawTerminal& operator=(const RawTerminal&) = delete;
  bool is_terminal() const { return is_terminal_; }

 private:
  termios before_{};
  bool is_terminal_ = false;
};

// Both ways at once. Once there is no more input, as long as something comes.
Status talk(int socket, bool has_keys) {
  bool listens = true;
  for (;;) {
    pollfd waits[2] = {{socket, POLLIN, 0}, {listens ? STDIN_FILENO : -1, POLLIN, 0}};
    const int ready = ::poll(waits, 2, listens ? -1 : kQuietAfterInputMs);
    if (ready == 0) return Done{};
    if (ready < 0 && errno != EINTR) return system_error(errno, "cannot wait for the console");
    char buffer[4096];
    if (waits[0].revents != 0) {
      const ssize_t got = ::read(socket, buffer, sizeof buffer);
      if (got <= 0) return Done{};
      TRY(write_all(STDOUT_FILENO, {buffer, static_cast<size_t>(got)}));
    }
    if (waits[1].revents == 0) continue;
    const ssize_t got = ::read(STDIN_FILENO, buffer, sizeof buffer);
    const std::string_view typed(buffer, static_cast<size_t>(std::max<ssize_t>(got, 0)));
    listens = got > 0;
    if (has_keys && typed.find(kLeaveConsole) != std::string_view::npos) return Done{};
    TRY(write_all(socket, typed));
  }
}
}  // namespace

OrderedJson RunningMachine::json() const {
  OrderedJson out{
      {"keeper", json_of(keeper)}, {"qemu", json_of(qemu)},     {"ssh_port", ssh_port}, {"kvm", kvm}, {"url", url},
      {"started_at", started_at},  {"completions", completions}};
  if (completions == 0) return out;
  out["snapshot"] = complete.snapshot;
  out["guest_seconds"] = complete.guest_seconds;
  out["complete_seconds"] = complete_seconds;
  out["served_requests"] = served.requests;
  out["served_bytes"] = served.bytes;
  return out;
}

RunningMachine RunningMachine::parse(const OrderedJson& json) {
  RunningMachine out;
  try {
    out.keeper = process_of(json.at("keeper"));
    out.qemu = process_of(json.at("qemu"));
    out.ssh_port = json.at("ssh_port").get<uint16_t>();
    out.kvm = json.at("kvm").get<bool>();
    out.url = json.at("url").get<std::string>();
    out.started_at = json.at("started_at").get<int64_t>();
    out.completions = json.at("completions").get<unsigned>();
    if (out.completions == 0) return out;
    out.complete = {json.at("snapshot").get<std::string>(), json.at("guest_seconds").get<double>()};
    out.complete_seconds = json.at("complete_seconds").get<double>();
    out.served = {json.at("served_requests").get<uint64_t>(), json.at("served_bytes").get<uint64_t>()};
  } catch (const nlohmann::json::exception&) {
    return {};  // not ours, or of another version: as good as none
  }
  return out;
}

std::string KeptMachine::all_folder() { return machines_folder(); }

std::vector<std::string> KeptMachine::names() {
  std::vector<std::string> out;
  std::error_code failure;
  for (const auto& entry : std::filesystem::directory_iterator(machines_folder(), failure)) {
    const std::string name = entry.path().filename().string();
    if (check_name(name) && exists(entry.path().string() + "/machine.json")) out.push_back(name);
  }
  std::sort(out.begin(), out.end());
  return out;
}

Status KeptMachine::check_name(const std::string& name) {
  const auto is_plain = [](char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-'; };
  if (!name.empty() && name.size() <= kLongestName && name.front() != '-' && name.back() != '-' &&
      std::all_of(name.begin(), name.end(), is_plain))
    return Done{};
  return Error{Code::kInvalid, str("--vm ", printable(name), ": a machine's name is letters, digits and dashes")};
}

Result<KeptMachine> KeptMachine::open(const std::string& name) {
  TRY(check_name(name));
  const std::string folder = machines_folder() + "/" + name;
  const auto text = read_file(folder + "/machine.json", 1 << 20);
  if (!text)
    return Error{Code::kNotFound,
                 str("there is no machine ", name, "; granary boot --vm ", name, " --repo … makes it")};
  const OrderedJson json = OrderedJson::parse(*text, nullptr, false);
  if (json.is_discarded()) return Error{Code::kCorrupt, str("cannot read ", printable(folder), "/machine.json")};
  return KeptMachine(folder, TRY(MachineRequest::parse(json)));
}

Result<KeptMachine> KeptMachine::create(const MachineRequest& request) {
  TRY(check_name(request.name));
  const std::string folder = machines_folder() + "/" + request.name;
  TRY(make_directories(machines_folder(), 0700));
  if (::mkdir(folder.c_str(), 0700) != 0) {
    if (errno == EEXIST && exists(folder + "/machine.json"))
      return Error{Code::kBusy, str("there is a machine ", request.name, " already")};
    if (errno != EEXIST) return system_error(errno, "cannot make " + printable(folder));
  }
  const KeptMachine machine(folder, request);
  TRY(machine.store());
  return machine;
}

Status KeptMachine::store() const {
  return replace_file(path("machine.json"), request_.json().dump(2) + "\n", 0600, Durability::kDurable);
}

bool KeptMachine::is_running() const {
  const auto lock = FileLock::try_lock(path("lock"));
  return !lock && lock.error().code == Code::kBusy;
}

std::optional<RunningMachine> KeptMachine::running() const {
  if (!is_running()) return std::nullopt;
  const auto text = read_file(path("running.json"), 64 << 10);
  if (!text) return std::nullopt;  // just starting, or just ending
  RunningMachine now = RunningMachine::parse(OrderedJson::parse(*text, nullptr, false));
  if (!now.keeper.is_alive()) return std::nullopt;
  return now;
}

Status KeptMachine::start(Io& io) const {
  if (is_running()) return Error{Code::kBusy, str("the machine ", request_.name, " runs already")};
  // What takes long is done where somebody can see it.
  TRY(prepare_media(request_, io));
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return system_error(errno, "cannot make a pipe");
  const UniqueFd reading(ends[0]);
  UniqueFd writing(ends[1]);
  io.out.flush();
  const pid_t child = ::fork();
  if (child < 0) return system_error(errno, "cannot start a process");
  if (child == 0) {
    ::close(ends[0]);
    keep_machine(*this, writing.release());
  }
  writing.reset();
  return hear_keeper(reading.get());
}

Result<Booted> KeptMachine::await_complete(const UntilComplete& how, Io& io) const {
  const Interrupted interrupted;
  const auto until = SteadyClock::now() + how.timeout;
  GrowingFile log(path(kConsoleLog));
  BootWatch watch;
  for (;;) {
    const auto now = running();
    const Bytes more = log.more();
    watch.hear(more);
    if (!how.quiet) io.err << more << std::flush;
    if (now && now->completions > 0) return Booted{now->complete, now->complete_seconds, now->kvm, now->served};
    if (!is_running()) return not_complete("the machine ended before it was complete", watch);
    if (Interrupted::now()) return Error{Code::kUnavailable, "interrupted; the machine runs on"};
    if (SteadyClock::now() > until)
      return not_complete(str("the machine was not complete after ", how.timeout.count(), " s; it runs on"), watch);
    std::this_thread::sleep_for(kPollEvery);
  }
}

Result<bool> KeptMachine::stop(std::chrono::seconds patience, Io& io) const {
  const Interrupted interrupted;
  const auto until = SteadyClock::now() + patience;
  if (tell_qemu(folder_, "system_powerdown")) {
    while (is_running() && SteadyClock::now() < until && !Interrupted::now()) std::this_thread::sleep_for(kPollEvery);
    if (!is_running()) return true;
    if (Interrupted::now()) return Error{Code::kUnavailable, "interrupted; the machine was told to power off"};
    io.err << "granary: " << request_.name << " did not power off in " << patience.count()
           << " s: its plug is pulled\n";
  }
  TRY(cut_off());
  return false;
}

Status KeptMachine::cut_off() const {
  const auto now = running();
  static_cast<void>(tell_qemu(folder_, "quit"));
  const auto until = SteadyClock::now() + kPatienceWithKeeper;
  const auto plea = SteadyClock::now() + kPatienceWithKeeper / 4;
  bool asked = false;
  while (is_running() && SteadyClock::now() < until) {
    if (!asked && SteadyClock::now() > plea && now && now->keeper.is_alive()) {
      ::kill(now->keeper.pid, SIGTERM);
      asked = true;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  if (!is_running()) return Done{};
  if (now && now->keeper.is_alive()) ::kill(now->keeper.pid, SIGKILL);  // QEMU hears of it
  return Error{Code::kUnavailable, str("the machine ", request_.name, " does not end")};
}

std::string KeptMachine::first_snapshot() const {
  const auto text = read_file(path(kFirstSnapshot), 256);
  return text && from_hex(*text) ? *text : std::string();
}

Status KeptMachine::note_first_snapshot(const std::string& snapshot) const {
  if (exists(path(kFirstSnapshot)) || !from_hex(snapshot)) return Done{};
  return replace_file(path(kFirstSnapshot), snapshot, 0600, Durability::kDurable);
}

Status KeptMachine::reset() {
  const FileLock lock = TRY_WITHIN("cannot reset a running machine", FileLock::try_lock(path("lock")));
  // From now on it asks for this snapshot, so that later starts find pinned what they ask for. Updates are told inside.
  if (request_.snapshot.empty() && request_.tag.empty()) {
    request_.snapshot = first_snapshot();
    TRY(store());
  }
  for (const char* file : {"known_hosts", "console.log", "console.log.1"}) ::unlink(path(file).c_str());
  if (request_.disk == "none") return Done{};
  return make_disk(path(kDiskFile), request_.disk_bytes, request_.disk);
}

Status KeptMachine::remove() const {
  if (is_running())
    return Error{Code::kBusy, str("the machine ", request_.name, " runs: granary boot --vm ", request_.name, " stop")};
  return remove_tree(folder_);
}

Status KeptMachine::console(Io& io) const {
  if (!running()) return Error{Code::kUnavailable, str("the machine ", request_.name, " does not run")};
  const FileLock seat = TRY_WITHIN("somebody is at its console", FileLock::try_lock(path("console.lock")));
  const UniqueFd socket = TRY(connect_in(folder_, kConsoleSocket));
  const RawTerminal terminal;
  if (terminal.is_terminal()) io.err << "granary: Ctrl-] leaves the console\r" << std::endl;
  return talk(socket.get(), terminal.is_terminal());
}

Result<std::vector<std::string>> KeptMachine::ssh_words(const std::string& user,
                                                        const std::vector<std::string>& words) const {
  const auto now = running();
  if (!now) return Error{Code::kUnavailable, str("the machine ", request_.name, " does not run")};
  if (now->ssh_port == 0) return Error{Code::kInvalid, str("the machine ", request_.name, " has no --ssh-port")};
  std::vector<std::string> out{TRY(find_helper("ssh", "openssh-client", "get into the machine")), "-p",
                               std::to_string(now->ssh_port)};
  // Its own key; ~/.ssh's are tried, too.
  if (exists(path(kKeyFile))) out.insert(out.end(), {"-i", path(kKeyFile)});
  out.insert(out.end(), {"-o", "UserKnownHostsFile=\"" + path("known_hosts") + "\"", "-o",
                         "StrictHostKeyChecking=accept-new", "-o", "LogLevel=ERROR", user + "@127.0.0.1"});
  if (!words.empty()) out.emplace_back("--");
  out.insert(out.end(), words.begin(), words.end());
  return out;
}

}  // namespace granary
