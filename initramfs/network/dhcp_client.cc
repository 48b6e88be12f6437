#include "initramfs/network/dhcp_client.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <vector>

#include "fs/base/file.h"
#include "fs/base/program.h"
#include "initramfs/network/names.h"
#include "initramfs/network/network_notes.h"

namespace granary {

namespace {
constexpr const char* kScript = "/bin/granary-lease";  // seen from the lasting root

Status make_script(const std::string& root) {
  const std::string script = root + kScript;
  if (::symlink("granary-init", script.c_str()) == 0 || errno == EEXIST) return Done{};
  return system_error(errno, "cannot make " + script);
}

// busybox goes by what follows the last slash of argv[0].
std::vector<std::string> words_of(const std::string& device, DhcpClient::Version version, const std::string& hostname) {
  const bool six = version == DhcpClient::Version::kDhcp6;
  std::vector<std::string> words = {six ? "@granary/udhcpc6" : "@granary/udhcpc", "-f", "-i", device, "-s", kScript};
  for (const char* word : {"-t", "4", "-T", "2", "-A", "5"}) words.push_back(word);
  words.insert(words.end(), {"-p", NetworkNotes("").client_of(device, six)});
  if (six) {
    for (const char* option : {"-O", "23", "-O", "24"}) words.push_back(option);  // name servers, domains
    return words;
  }
  // Host name, domain, MTU, NTP servers, domains to search, classless routes, and Microsoft's number for them.
  for (const char* option : {"12", "15", "26", "42", "119", "121", "249"}) words.insert(words.end(), {"-O", option});
  if (is_dns_name(hostname)) words.insert(words.end(), {"-x", "hostname:" + hostname});
  return words;
}

// Between fork and exec: only what is safe there.
[[noreturn]] void become(const char* root, char* const* arguments, int log) {
  ::setsid();
  ::dup2(log, STDOUT_FILENO);
  ::dup2(log, STDERR_FILENO);
  const int nothing = ::open("/dev/null", O_RDONLY);
  if (nothing >= 0) ::dup2(nothing, STDIN_FILENO);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  const int spared = ::open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
  if (spared >= 0 && ::write(spared, "-1000", 5) == 5) ::close(spared);
  char path[] = "PATH=/bin";
  char* const environment[] = {path, nullptr};
  if ((*root == 0 || ::chroot(root) == 0) && ::chdir("/") == 0) ::execve("/bin/busybox", arguments, environment);
  ::_exit(127);
}

bool has_udhcpc6(const std::string& root) {
  Program program;
  program.words = {root + "/bin/busybox", "udhcpc6", "--help"};
  program.output = program.errors = Program::Stream::kCapture;
  program.timeout = std::chrono::seconds(5);
  const auto end = run_program(program);
  return end && end->errors.find("applet not found") == Bytes::npos;
}
}  // namespace

Result<DhcpClient> DhcpClient::start(const std::string& root, const std::string& device, Version version,
                                     const std::string& hostname) {
  if (version == Version::kDhcp6 && !has_udhcpc6(root))
    return Error{Code::kUnsupported, "this image's busybox has no DHCPv6 client; router advertisements are heeded"};
  TRY(make_script(root));
  const UniqueFd log = TRY(open_file(NetworkNotes(root).log_of(device), O_WRONLY | O_CREAT | O_APPEND, 0644));
  auto words = words_of(device, version, hostname);
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  const pid_t process = ::fork();
  if (process < 0) return system_error(errno, "cannot start the DHCP client");
  if (process == 0) become(root.c_str(), arguments.data(), log.get());
  return DhcpClient(process);
}

bool DhcpClient::has_ended() const { return ::waitpid(process_, nullptr, WNOHANG) == process_; }

void DhcpClient::stop() const {
  ::kill(process_, SIGKILL);
  while (::waitpid(process_, nullptr, 0) < 0 && errno == EINTR) {
  }
}

// A number that another process has by now is none of a client's: it is called otherwise.
bool DhcpClient::renew(const std::string& root, const std::string& device) {
  bool asked = false;
  for (const bool six : {false, true}) {
    const auto note = read_file(NetworkNotes(root).client_of(device, six), 64);
    const pid_t process = note ? static_cast<pid_t>(std::strtol(note->c_str(), nullptr, 10)) : 0;
    const auto name = process > 1 ? read_file(str(root, "/proc/", process, "/cmdline"), 64 << 10) : note;
    if (process > 1 && name && name->starts_with("@granary/udhcpc")) asked |= ::kill(process, SIGUSR1) == 0;
  }
  return asked;
}

}  // namespace granary
