// How it is done: `begin` forks a keeper, which leaves our namespaces and forks the first process of the new ones. That
// one sets up the mounts, makes the tree its root, and then runs one command after the other, each told by a message
// over a socket with the descriptors to use, answered by its status. When we are gone the socket ends, and so does it.
#include "builder/tree/enclosure.h"

#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>

#include "builder/tree/tree_root.h"
#include "fs/base/bytes.h"
#include "fs/base/file.h"

namespace granary {

namespace {
constexpr size_t kMaxMessageBytes = 1 << 20;
constexpr const char* kPolicy = "usr/sbin/policy-rc.d";
constexpr std::string_view kDenial = "#!/bin/sh\n# No service is started while a tree is cooked.\nexit 101\n";
constexpr std::string_view kNothing = "#!/bin/sh\n# Not while a tree is cooked.\nexit 0\n";

// ---- Mounts. All of it happens in the first process, in its own mount namespace.

struct Device {
  const char* name;
  unsigned major, minor;
};
constexpr Device kDevices[] = {{"null", 1, 3},   {"zero", 1, 5},    {"full", 1, 7},
                               {"random", 1, 8}, {"urandom", 1, 9}, {"tty", 5, 0}};
constexpr std::pair<const char*, const char*> kDeviceLinks[] = {{"fd", "/proc/self/fd"},
                                                                {"stdin", "/proc/self/fd/0"},
                                                                {"stdout", "/proc/self/fd/1"},
                                                                {"stderr", "/proc/self/fd/2"},
                                                                {"ptmx", "pts/ptmx"}};

Status check(int status, const std::string& what) {
  if (status == 0) return Done{};
  return system_error(errno, what);
}

Status mount_at(const char* type, const std::string& path, unsigned long flags, const char* options) {
  return check(::mount(type, path.c_str(), type, flags, options), "cannot mount " + path);
}

Status mount_devices(const std::string& dev) {
  TRY(mount_at("tmpfs", dev, MS_NOSUID, "mode=755"));
  for (const Device& device : kDevices) {
    const std::string path = dev + "/" + device.name;
    TRY(check(::mknod(path.c_str(), S_IFCHR | 0666, makedev(device.major, device.minor)), "cannot make " + path));
    TRY(check(::chmod(path.c_str(), 0666), "cannot make " + path));
  }
  for (const auto& [name, target] : kDeviceLinks)
    TRY(check(::symlink(target, (dev + "/" + name).c_str()), "cannot make " + dev + "/" + name));
  for (const char* name : {"/pts", "/shm"})
    TRY(check(::mkdir((dev + name).c_str(), 0755), "cannot make " + dev + name));
  TRY(mount_at("devpts", dev + "/pts", MS_NOSUID | MS_NOEXEC, "newinstance,ptmxmode=0666,mode=0620,gid=5"));
  return mount_at("tmpfs", dev + "/shm", MS_NOSUID | MS_NODEV, "mode=1777");
}

Status bind_read_only(const std::string& from, const std::string& to) {
  TRY(check(::mount(from.c_str(), to.c_str(), nullptr, MS_BIND | MS_REC, nullptr), "cannot bind " + to));
  return check(::mount(nullptr, to.c_str(), nullptr, MS_REMOUNT | MS_BIND | MS_RDONLY, nullptr),
               "cannot protect " + to);
}

// Programs that would start services are covered by ones that do not.
Status cover(const std::string& path, std::string_view content, const std::string& scratch) {
  if (!exists(path)) return Done{};
  TRY(replace_file(scratch, content, 0755, Durability::kFast));
  TRY(check(::chmod(scratch.c_str(), 0755), "cannot make " + scratch));
  return check(::mount(scratch.c_str(), path.c_str(), nullptr, MS_BIND, nullptr), "cannot cover " + path);
}

Status make_mountpoints(const std::string& root) {
  for (const auto& [name, mode] :
       {std::pair("/dev", 0755), {"/proc", 0555}, {"/sys", 0555}, {"/run", 0755}, {"/tmp", 01777}}) {
    const std::string path = root + name;
    if (::mkdir(path.c_str(), 0755) == 0)
      TRY(check(::chmod(path.c_str(), static_cast<mode_t>(mode)), "cannot make " + path));
    else if (errno != EEXIST)
      return system_error(errno, "cannot make " + path);
    struct stat there {};
    if (::lstat(path.c_str(), &there) != 0 || !S_ISDIR(there.st_mode))
      return Error{Code::kInvalid, str(name, " of the tree is not a directory")};
  }
  return Done{};
}

Status furnish(const EnclosureOptions& options) {
  const std::string& root = options.root;
  TRY(check(::mount(nullptr, "/", nullptr, MS_REC | MS_SLAVE, nullptr), "cannot part from the mounts of this machine"));
  TRY(check(::mount(root.c_str(), root.c_str(), nullptr, MS_BIND | MS_REC, nullptr), "cannot bind " + root));
  TRY(mount_devices(root + "/dev"));
  TRY(mount_at("proc", root + "/proc", MS_NOSUID | MS_NOEXEC | MS_NODEV, nullptr));
  TRY(bind_read_only(root + "/proc/sys", root + "/proc/sys"));
  TRY(mount_at("tmpfs", root + "/run", MS_NOSUID | MS_NODEV, "mode=755"));
  TRY(mount_at("tmpfs", root + "/tmp", MS_NOSUID | MS_NODEV, "mode=1777"));
  TRY(make_directories(root + "/run/lock"));
  TRY(check(::chmod((root + "/run/lock").c_str(), 01777), "cannot make /run/lock"));
  TRY(cover(root + "/" + kPolicy, kDenial, root + "/dev/.policy-rc.d"));
  if (options.covers_programs) {
    // The index that mandb builds depends on times, and takes longer than all else: man-db.timer makes it.
    for (const char* const program : {"/usr/sbin/start-stop-daemon", "/usr/bin/mandb"})
      TRY(cover(root + program, kNothing, root + "/dev/.nothing"));
  }
  if (options.packages.empty()) return Done{};
  TRY(make_directories(root + "/run/granary"));
  return bind_read_only(options.packages, root + "/run/granary");
}

Status make_it_the_root(const std::string& root) {
  TRY(check(::chdir(root.c_str()), "cannot enter " + root));
  TRY(check(static_cast<int>(::syscall(SYS_pivot_root, ".", ".")), "cannot make " + root + " the root"));
  TRY(check(::umount2(".", MNT_DETACH), "cannot leave the root of this machine"));
  return check(::chdir("/"), "cannot enter the root");
}

void bring_up_loopback() {
  const UniqueFd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  ifreq request{};
  std::strcpy(request.ifr_name, "lo");
  request.ifr_flags = IFF_UP | IFF_RUNNING;
  ::ioctl(socket.get(), SIOCSIFFLAGS, &request);  // without it there is no network at all, which is as good
}

// ---- The first process.

Status forget_syncing() {
  const std::unique_ptr<void, decltype(&seccomp_release)> filter(seccomp_init(SCMP_ACT_ALLOW), seccomp_release);
  if (!filter) return Error{Code::kInternal, "cannot make a system call filter"};
  seccomp_attr_set(filter.get(), SCMP_FLTATR_CTL_NNP, 0);  // su and sudo work as they should
  for (const int call :
       {SCMP_SYS(fsync), SCMP_SYS(fdatasync), SCMP_SYS(sync), SCMP_SYS(syncfs), SCMP_SYS(sync_file_range)})
    seccomp_rule_add(filter.get(), SCMP_ACT_ERRNO(0), call, 0);
  const int failed = seccomp_load(filter.get());
  if (failed != 0) return system_error(-failed, "cannot set a system call filter");
  return Done{};
}

void set_limits() {
  const std::pair<__rlimit_resource, rlimit> limits[] = {
      {RLIMIT_CORE, {0, 0}}, {RLIMIT_NOFILE, {1024, 4096}}, {RLIMIT_FSIZE, {RLIM_INFINITY, RLIM_INFINITY}}};
  for (const auto& [resource, limit] : limits) ::setrlimit(resource, &limit);
}

std::vector<std::string> fixed_environment(const EnclosureOptions& options) {
  return {"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
          "HOME=/root",
          "LOGNAME=root",
          "USER=root",
          "SHELL=/bin/sh",
          "TERM=dumb",
          "LC_ALL=C.UTF-8",
          "TZ=UTC",
          "DEBIAN_FRONTEND=noninteractive",
          "DEBCONF_NONINTERACTIVE_SEEN=true",
          "PERL_HASH_SEED=0",
          "PYTHONHASHSEED=0",
          str("SOURCE_DATE_EPOCH=", options.source_date_epoch)};
}

struct Message {
  std::vector<std::string> words, environment;
  std::vector<UniqueFd> streams;  // standard input, output, error
};

void put_strings(ByteWriter& out, const std::vector<std::string>& strings) {
  out.u32(static_cast<uint32_t>(strings.size()));
  for (const std::string& one : strings) out.string(one);
}

std::vector<std::string> take_strings(ByteReader& in) {
  std::vector<std::string> strings;
  for (uint32_t left = in.u32(); left > 0 && in.ok(); --left) strings.emplace_back(in.string());
  return strings;
}

Status send_message(int channel, const Bytes& bytes, const int (&streams)[3]) {
  iovec part{const_cast<char*>(bytes.data()), bytes.size()};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof streams)]{};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  cmsghdr* header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof streams);
  std::memcpy(CMSG_DATA(header), streams, sizeof streams);
  return check(::sendmsg(channel, &message, MSG_NOSIGNAL) < 0 ? -1 : 0, "cannot reach the enclosure");
}

// Nothing: whom we serve is gone.
std::optional<Message> receive_message(int channel) {
  static std::vector<char> buffer(kMaxMessageBytes);
  iovec part{buffer.data(), buffer.size()};
  int streams[3];
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof streams)]{};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  ssize_t got;
  while ((got = ::recvmsg(channel, &message, MSG_CMSG_CLOEXEC)) < 0 && errno == EINTR) continue;
  const cmsghdr* header = CMSG_FIRSTHDR(&message);
  if (got <= 0 || header == nullptr || header->cmsg_len != CMSG_LEN(sizeof streams)) return std::nullopt;
  std::memcpy(streams, CMSG_DATA(header), sizeof streams);
  Message received;
  for (const int stream : streams) received.streams.emplace_back(stream);
  ByteReader in(ByteView(buffer.data(), static_cast<size_t>(got)));
  received.words = take_strings(in);
  received.environment = take_strings(in);
  return received;
}

std::vector<char*> as_arguments(const std::vector<std::string>& words) {
  std::vector<char*> arguments;
  for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  return arguments;
}

[[noreturn]] void become(const Message& message) {
  for (int i = 0; i < 3; ++i) ::dup2(message.streams[static_cast<size_t>(i)].get(), i);
  ::syscall(SYS_close_range, 3u, ~0u, 0u);
  ::setsid();
  set_limits();
  const auto arguments = as_arguments(message.words);
  const auto environment = as_arguments(message.environment);
  for (const std::string& one : message.environment)
    if (one.starts_with("PATH=")) ::setenv("PATH", one.c_str() + 5, 1);
  ::execvpe(arguments[0], arguments.data(), environment.data());
  const std::string said = str("cannot start ", message.words[0], ": ", std::strerror(errno), "\n");
  static_cast<void>(write_all(STDERR_FILENO, said));
  ::_exit(127);
}

// Waits for `child` and for whatever orphans come along.
int wait_for(pid_t child) {
  for (;;) {
    int status = 0;
    const pid_t ended = ::waitpid(-1, &status, 0);
    if (ended == child) return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    if (ended < 0 && errno != EINTR) return 127;
  }
}

// What a script left running in the background ends with it: the next one finds the same world always.
void end_leftovers() {
  ::kill(-1, SIGKILL);
  while (::waitpid(-1, nullptr, 0) > 0 || errno == EINTR) continue;
}

void serve(int channel) {
  while (const auto message = receive_message(channel)) {
    const pid_t child = ::fork();
    if (child == 0) become(*message);
    const int32_t status = child < 0 ? 127 : wait_for(child);
    end_leftovers();
    if (::send(channel, &status, sizeof status, MSG_NOSIGNAL) < 0) return;
  }
}

Status set_up(const EnclosureOptions& options) {
  ::umask(022);
  TRY(furnish(options));
  TRY(make_it_the_root(options.root));
  TRY(check(::sethostname(options.hostname.data(), options.hostname.size()), "cannot set the host name"));
  bring_up_loopback();
  return forget_syncing();
}

void forget_our_signals() {
  for (int signal = 1; signal < NSIG; ++signal) ::signal(signal, SIG_DFL);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

void close_all_but(int keep) {
  if (keep > 3) ::syscall(SYS_close_range, 3u, static_cast<unsigned>(keep) - 1, 0u);
  ::syscall(SYS_close_range, static_cast<unsigned>(keep) + 1, ~0u, 0u);
}

// The first answer: empty, or the error's code and message.
void report(int channel, const Status& status) {
  ByteWriter out;
  out.u32(status ? 0 : static_cast<uint32_t>(status.error().code)).string(status ? "" : status.error().message);
  ::send(channel, out.view().data(), out.view().size(), MSG_NOSIGNAL);
}

[[noreturn]] void be_the_first_process(const EnclosureOptions& options, int channel) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  const Status ready = set_up(options);
  report(channel, ready);
  if (ready) serve(channel);
  ::_exit(0);
}

constexpr int kNamespaces = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWNET;

[[noreturn]] void be_the_keeper(const EnclosureOptions& options, int channel, pid_t parent) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(0);
  close_all_but(channel);
  forget_our_signals();
  ::setpgid(0, 0);  // a Ctrl-C is for us: we decide what becomes of it
  pid_t first = -1;
  if (::unshare(kNamespaces) == 0) first = ::fork();
  if (first == 0) be_the_first_process(options, channel);
  if (first < 0) report(channel, system_error(errno, "cannot make namespaces"));
  ::close(channel);
  int status = 0;
  while (first > 0 && ::waitpid(first, &status, 0) < 0 && errno == EINTR) continue;
  ::_exit(0);
}

Status first_answer(int channel) {
  char answer[8192];
  ssize_t got;
  while ((got = ::recv(channel, answer, sizeof answer, 0)) < 0 && errno == EINTR) continue;
  ByteReader in(ByteView(answer, got > 0 ? static_cast<size_t>(got) : 0));
  const uint32_t code = in.u32();
  const std::string message(in.string());
  if (!in.ok()) return Error{Code::kInternal, "its first process ended at once"};
  if (code == 0) return Done{};
  return Error{static_cast<Code>(code), message};
}

Result<std::string> canonical(const std::string& path) {
  std::error_code failure;
  const auto found = std::filesystem::canonical(path, failure);
  if (failure) return system_error(failure.value(), "cannot find " + printable(path));
  return found.string();
}

Result<UniqueFd> input_of(const std::string& text) {
  UniqueFd file(::memfd_create("input", MFD_CLOEXEC));
  if (!file.valid()) return system_error(errno, "cannot make a file in memory");
  TRY(write_all(file.get(), text));
  ::lseek(file.get(), 0, SEEK_SET);
  return file;
}
}  // namespace

Result<Enclosure> Enclosure::begin(const EnclosureOptions& options) {
  if (::geteuid() != 0)
    return Error{Code::kPermission, "running the scripts of packages needs root: they make users and change owners"};
  EnclosureOptions told = options;
  told.root = TRY(canonical(options.root));
  TRY(make_mountpoints(told.root));
  TreeRoot tree = TRY(TreeRoot::open(told.root, TreeRoot::Links::kFollow));
  const bool makes_policy = !tree.has(kPolicy);
  if (makes_policy) TRY(tree.write(kPolicy, kDenial, 0755));

  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
    return system_error(errno, "cannot make a socket");
  UniqueFd ours(ends[0]);
  UniqueFd theirs(ends[1]);
  const int size = kMaxMessageBytes;
  ::setsockopt(ours.get(), SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof size);
  const pid_t parent = ::getpid();
  const pid_t keeper = ::fork();
  if (keeper < 0) return system_error(errno, "cannot start a process");
  if (keeper == 0) be_the_keeper(told, theirs.get(), parent);
  theirs.reset();
  Enclosure enclosure(keeper, std::move(ours), told.root);
  enclosure.made_policy_ = makes_policy;
  enclosure.environment_ = fixed_environment(options);
  TRY_WITHIN("cannot make an enclosure for " + printable(options.root), first_answer(enclosure.channel_.get()));
  return enclosure;
}

Enclosure::Enclosure(Enclosure&& other) noexcept
    : keeper_(std::exchange(other.keeper_, 0)),
      channel_(std::move(other.channel_)),
      root_(std::move(other.root_)),
      environment_(std::move(other.environment_)),
      made_policy_(std::exchange(other.made_policy_, false)) {}

Enclosure::~Enclosure() {
  channel_.reset();  // the first process ends, and with it all others
  while (keeper_ > 0 && ::waitpid(keeper_, nullptr, 0) < 0 && errno == EINTR) continue;
  if (!made_policy_) return;
  auto tree = TreeRoot::open(root_, TreeRoot::Links::kFollow);
  if (tree) static_cast<void>(tree->remove(kPolicy));
}

Result<int> Enclosure::run(const EnclosedCommand& command) {
  std::map<std::string, std::string> named;
  for (const std::vector<std::string>* list : {&std::as_const(environment_), &command.environment})
    for (const std::string& one : *list) named[one.substr(0, one.find('='))] = one;
  std::vector<std::string> environment;
  for (const auto& [name, one] : named) environment.push_back(one);

  ByteWriter out;
  put_strings(out, command.words);
  put_strings(out, environment);
  if (out.view().size() > kMaxMessageBytes / 2)
    return Error{Code::kInvalid, command.words[0] + " has too many arguments"};
  const bool quiet = command.output >= 0;
  const UniqueFd input = TRY(input_of(command.input));
  TRY(send_message(channel_.get(), out.view(),
                   {quiet ? input.get() : STDIN_FILENO, quiet ? command.output : STDOUT_FILENO,
                    quiet ? command.output : STDERR_FILENO}));
  int32_t status = 0;
  ssize_t got;
  while ((got = ::recv(channel_.get(), &status, sizeof status, 0)) < 0 && errno == EINTR) continue;
  if (got != sizeof status) return Error{Code::kInternal, "the enclosure ended while " + command.words[0] + " ran"};
  return status;
}

}  // namespace granary
