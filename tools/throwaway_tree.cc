// Four processes. We wait. The keeper leaves our namespaces. The first process of the new ones mounts the snapshot,
// whose mount program must go on seeing this machine, and so parts from it into a mount namespace of its own before it
// makes the tree its root. The last one is the command. Each dies with the one above it, and with the first process all
// others.
#include "tools/throwaway_tree.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>

#include "fs/base/file.h"
#include "fs/base/program.h"

namespace granary {

namespace {
constexpr const char* kDevices[] = {"null", "zero", "full", "random", "urandom", "tty", "fuse"};
constexpr std::pair<const char*, const char*> kDeviceLinks[] = {{"fd", "/proc/self/fd"},
                                                                {"stdin", "/proc/self/fd/0"},
                                                                {"stdout", "/proc/self/fd/1"},
                                                                {"stderr", "/proc/self/fd/2"},
                                                                {"ptmx", "pts/ptmx"}};

Status check(int outcome, const std::string& what) {
  if (outcome == 0) return Done{};
  return system_error(errno, what);
}

Status mount_at(const char* type, const std::string& path, unsigned long flags, const std::string& options) {
  return check(::mount(type, path.c_str(), type, flags, options.c_str()), "cannot mount " + printable(path));
}

Status bind_mount(const std::string& from, const std::string& to, bool recursive = false) {
  const unsigned long flags = recursive ? MS_BIND | MS_REC : MS_BIND;
  return check(::mount(from.c_str(), to.c_str(), nullptr, flags, nullptr),
               str("cannot bind ", printable(from), " to ", printable(to)));
}

Status make_file(const std::string& path) {
  TRY(open_file(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
  return Done{};
}

// ---- What is in the tree.

Status mount_devices(const std::string& dev) {
  TRY(make_directories(dev));
  TRY(mount_at("tmpfs", dev, MS_NOSUID, "mode=755"));
  for (const char* name : kDevices) {
    const std::string host = str("/dev/", name);
    if (!exists(host)) continue;
    TRY(make_file(dev + "/" + name));
    TRY(bind_mount(host, dev + "/" + name));
  }
  for (const auto& [name, target] : kDeviceLinks)
    TRY(check(::symlink(target, (dev + "/" + name).c_str()), "cannot make /dev of the tree"));
  TRY(make_directories(dev + "/pts"));
  TRY(make_directories(dev + "/shm"));
  TRY(mount_at("devpts", dev + "/pts", MS_NOSUID | MS_NOEXEC, "newinstance,ptmxmode=0666,mode=0620"));
  return mount_at("tmpfs", dev + "/shm", MS_NOSUID | MS_NODEV, "mode=1777");
}

// The network is this machine's, and so are its name servers. A link that leads into /run leads nowhere yet.
Status bind_resolver(const std::string& tree, bool kept) {
  const std::string path = tree + "/etc/resolv.conf";
  struct stat there {};
  const bool found = ::lstat(path.c_str(), &there) == 0;
  if (!exists("/etc/resolv.conf") || (found && !S_ISREG(there.st_mode) && kept)) return Done{};
  if (found && !S_ISREG(there.st_mode)) ::unlink(path.c_str());
  if (!found || !S_ISREG(there.st_mode)) {
    if (!exists(tree + "/etc")) return Done{};
    TRY(make_file(path));
  }
  return bind_mount("/etc/resolv.conf", path);
}

Status add_bind(const std::string& tree, const ThrowawayBind& wanted) {
  struct stat source {};
  if (::stat(wanted.source.c_str(), &source) != 0)
    return system_error(errno, "cannot bind " + printable(wanted.source));
  const std::string to = tree + wanted.destination;
  if (S_ISDIR(source.st_mode)) {
    TRY(make_directories(to));
  } else if (!exists(to)) {
    TRY(make_directories(std::filesystem::path(to).parent_path().string()));
    TRY(make_file(to));
  }
  TRY(bind_mount(wanted.source, to, true));
  if (!wanted.read_only) return Done{};
  return check(::mount(nullptr, to.c_str(), nullptr, MS_BIND | MS_REMOUNT | MS_RDONLY, nullptr),
               "cannot protect " + printable(to));
}

// Our terminal is none of the tree's own: programs find it by this name.
Status bind_terminal(const std::string& tree, const std::string& terminal) {
  if (terminal.empty()) return Done{};
  TRY(make_file(tree + "/dev/console"));
  return bind_mount(terminal, tree + "/dev/console");
}

Status furnish(const std::string& tree, const ThrowawayOptions& options) {
  for (const char* name : {"/proc", "/sys", "/run", "/tmp"}) TRY(make_directories(tree + name));
  const char* terminal = ::ttyname(STDIN_FILENO);
  const std::string terminal_path = terminal != nullptr ? terminal : "";
  TRY(mount_devices(tree + "/dev"));
  TRY(bind_terminal(tree, terminal_path));
  TRY(mount_at("proc", tree + "/proc", MS_NOSUID | MS_NOEXEC | MS_NODEV, ""));
  TRY(bind_mount("/sys", tree + "/sys", true));
  TRY(mount_at("tmpfs", tree + "/run", MS_NOSUID | MS_NODEV, "mode=755"));
  TRY(bind_resolver(tree, !options.keep.empty()));
  for (const ThrowawayBind& wanted : options.binds) TRY(add_bind(tree, wanted));
  return Done{};
}

// ---- The tree itself.

// The merged root shows the upper layer's attributes.
Status dress_like(const std::string& lower, const std::string& upper) {
  struct stat root {};
  TRY(check(::stat(lower.c_str(), &root), "cannot look at the snapshot"));
  const bool is_theirs = ::chown(upper.c_str(), root.st_uid, root.st_gid) == 0 || errno == EINVAL || errno == EPERM;
  TRY(check(is_theirs ? 0 : -1, "cannot prepare " + printable(upper)));
  return check(::chmod(upper.c_str(), root.st_mode & 07777), "cannot prepare " + printable(upper));
}

Status mount_snapshot(const ThrowawayOptions& options, const std::string& lower, const std::string& log) {
  Program program;
  program.words = options.mount;
  program.words.insert(program.words.end(), {"--log", log, lower});
  program.errors = Program::Stream::kCapture;
  const ProgramEnd end = TRY(run_program(program));
  if (end.ok()) return Done{};
  std::string said = end.errors.substr(0, end.errors.find_last_not_of('\n') + 1);
  if (const std::string name = "granary-mount: "; said.starts_with(name)) said.erase(0, name.size());
  return Error{end.status < 128 ? static_cast<Code>(end.status) : Code::kInternal, said};
}

Status mount_overlay(const ThrowawayOptions& options, const std::string& scratch, bool in_user_namespace) {
  const std::string above = options.keep.empty() ? scratch : options.keep;
  for (const char* part : {"/upper", "/work"}) TRY(make_directories(above + part));
  for (const char* part : {"/tree", "/layers"}) TRY(make_directories(scratch + part));
  TRY(dress_like(scratch + "/lower", above + "/upper"));
  // By short names, which the kernel need not be told how to quote.
  TRY(bind_mount(above, scratch + "/layers"));
  TRY(check(::chdir(scratch.c_str()), "cannot enter " + scratch));
  // In a user namespace userxattr alone says that nothing is redirected.
  const char* rest = in_user_namespace ? "userxattr" : "index=on,redirect_dir=off,metacopy=off";
  return mount_at("overlay", scratch + "/tree", 0,
                  str("lowerdir=lower,upperdir=layers/upper,workdir=layers/work,", rest));
}

Status make_it_the_root(const std::string& tree) {
  TRY(check(::chdir(tree.c_str()), "cannot enter the tree"));
  TRY(check(static_cast<int>(::syscall(SYS_pivot_root, ".", ".")), "cannot make the tree the root"));
  TRY(check(::umount2(".", MNT_DETACH), "cannot leave the root of this machine"));
  return check(::chdir("/"), "cannot enter the root");
}

Status set_up(const ThrowawayOptions& options, const std::string& scratch, bool in_user_namespace) {
  // What others unmount meanwhile goes here, too: nothing of theirs is held.
  TRY(check(::mount(nullptr, "/", nullptr, MS_REC | MS_SLAVE, nullptr), "cannot part from this machine's mounts"));
  TRY(mount_at("proc", "/proc", MS_NOSUID | MS_NOEXEC | MS_NODEV, ""));
  TRY(mount_at("tmpfs", scratch, MS_NOSUID, "mode=755"));
  TRY(make_directories(scratch + "/lower"));
  TRY(mount_snapshot(options, scratch + "/lower", scratch + "/log"));
  TRY(check(::unshare(CLONE_NEWNS), "cannot part from the mount program"));
  TRY(mount_overlay(options, scratch, in_user_namespace));
  TRY(furnish(scratch + "/tree", options));
  TRY(make_it_the_root(scratch + "/tree"));
  return check(::sethostname(options.hostname.data(), options.hostname.size()), "cannot set the host name");
}

// ---- The processes.

void send_end(int pipe, const Status& status) {
  ByteWriter message;
  message.u32(status ? 0 : static_cast<uint32_t>(status.error().code)).bytes(status ? "" : status.error().message);
  static_cast<void>(write_all(pipe, message.view()));
}

// Until everybody who could say something has gone.
Status receive_end(int pipe) {
  Bytes message;
  char buffer[4096];
  for (;;) {
    const ssize_t got = ::read(pipe, buffer, sizeof buffer);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    message.append(buffer, static_cast<size_t>(got));
  }
  ByteReader in(message);
  const uint32_t code = in.u32();
  if (!in.ok()) return Error{Code::kInternal, "the tree could not be set up, and nobody said why"};
  if (code == 0) return Done{};
  return Error{static_cast<Code>(code), std::string(in.bytes(in.remaining()))};
}

void ignore_keyboard(sighandler_t how) {
  for (const int signal : {SIGINT, SIGQUIT}) ::signal(signal, how);
}

int exit_status(int status) { return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status); }

std::vector<std::string> shell_words() {
  for (const char* shell : {"/bin/bash", "/bin/sh"})
    if (exists(shell)) return {shell, "-i"};
  return {"/bin/sh"};
}

[[noreturn]] void become(const ThrowawayOptions& options) {
  ignore_keyboard(SIG_DFL);
  const char* terminal = std::getenv("TERM");
  const std::string term = str("TERM=", terminal != nullptr ? terminal : "dumb");
  ::clearenv();
  for (const char* one : {"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root",
                          "USER=root", "LOGNAME=root", "SHELL=/bin/sh", "LANG=C.UTF-8"})
    ::putenv(const_cast<char*>(one));
  ::putenv(::strdup(term.c_str()));
  if (exists("/root")) static_cast<void>(::chdir("/root") == 0);
  const std::vector<std::string> words = options.words.empty() ? shell_words() : options.words;
  std::vector<char*> arguments;
  for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  ::execvp(arguments[0], arguments.data());
  const std::string said = str("granary: cannot start ", printable(words[0]), ": ", std::strerror(errno), "\n");
  static_cast<void>(write_all(STDERR_FILENO, said));
  ::_exit(127);
}

[[noreturn]] void be_first(const ThrowawayOptions& options, const std::string& scratch, int pipe, bool user_namespace) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  const Status ready = set_up(options, scratch, user_namespace);
  send_end(pipe, ready);
  ::close(pipe);
  if (!ready) ::_exit(1);
  const pid_t child = ::fork();
  if (child == 0) become(options);
  for (;;) {
    int status = 0;
    const pid_t ended = ::waitpid(-1, &status, 0);
    if (ended == child) ::_exit(exit_status(status));
    if (ended < 0 && errno != EINTR) ::_exit(127);
  }
}

// We alone become root in there.
Status map_ourselves(uid_t uid, gid_t gid) {
  const auto say = [](const char* file, const std::string& text) -> Status {
    const UniqueFd map = TRY(open_file(file, O_WRONLY | O_CLOEXEC));
    return write_all(map.get(), text);
  };
  TRY(say("/proc/self/setgroups", "deny"));
  TRY(say("/proc/self/uid_map", str("0 ", uid, " 1")));
  return say("/proc/self/gid_map", str("0 ", gid, " 1"));
}

Status leave(bool user_namespace) {
  const uid_t uid = ::geteuid();
  const gid_t gid = ::getegid();
  const int flags = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWUTS | CLONE_NEWIPC | (user_namespace ? CLONE_NEWUSER : 0);
  if (::unshare(flags) != 0) {
    if (!user_namespace) return system_error(errno, "cannot make namespaces");
    return Error{Code::kPermission, str("this kernel lets ordinary users have no namespaces of their own (",
                                        std::strerror(errno), "): run it with sudo")};
  }
  if (user_namespace) TRY(map_ourselves(uid, gid));
  return Done{};
}

[[noreturn]] void be_keeper(const ThrowawayOptions& options, const std::string& scratch, int pipe, pid_t parent) {
  const bool user_namespace = ::geteuid() != 0;
  if (const Status left = leave(user_namespace); !left) {
    send_end(pipe, left);
    ::_exit(1);
  }
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);  // after the change of user, which forgets it
  if (::getppid() != parent) ::_exit(1);
  const pid_t child = ::fork();
  if (child == 0) be_first(options, scratch, pipe, user_namespace);
  if (child < 0) send_end(pipe, system_error(errno, "cannot start a process"));
  ::close(pipe);
  int status = 0;
  while (child > 0 && ::waitpid(child, &status, 0) < 0 && errno == EINTR) continue;
  ::_exit(exit_status(status));
}
}  // namespace

Result<int> run_in_throwaway_tree(const ThrowawayOptions& options) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return system_error(errno, "cannot make a pipe");
  const UniqueFd reading(ends[0]);
  UniqueFd writing(ends[1]);
  // A place to mount on. Once the tree is the root in there, nothing needs it any more.
  std::optional<TemporaryDirectory> scratch = TRY(TemporaryDirectory::make());
  const pid_t parent = ::getpid();
  const pid_t keeper = ::fork();
  if (keeper < 0) return system_error(errno, "cannot start a process");
  if (keeper == 0) {
    ignore_keyboard(SIG_IGN);
    be_keeper(options, scratch->path(), writing.get(), parent);
  }
  ignore_keyboard(SIG_IGN);
  writing.reset();
  const Status ready = receive_end(reading.get());
  scratch.reset();
  int status = 0;
  while (::waitpid(keeper, &status, 0) < 0 && errno == EINTR) continue;
  ignore_keyboard(SIG_DFL);
  if (!ready) return ready.error();
  return exit_status(status);
}

}  // namespace granary
