#include "fs/fuse/sandbox.h"

#include <fcntl.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "fs/base/unique_fd.h"

namespace granary {

namespace {
// Newer than the headers of Debian 12.
constexpr uint64_t kAccessTruncate = 1ULL << 14;  // since version 3

constexpr uint64_t kReadFile = LANDLOCK_ACCESS_FS_READ_FILE;
constexpr uint64_t kReadDirectory = LANDLOCK_ACCESS_FS_READ_DIR;
constexpr uint64_t kWriteDirectory = LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_REMOVE_FILE |
                                     LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG |
                                     LANDLOCK_ACCESS_FS_MAKE_SYM | LANDLOCK_ACCESS_FS_REFER;
constexpr uint64_t kNever = LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_SOCK |
                            LANDLOCK_ACCESS_FS_MAKE_FIFO | LANDLOCK_ACCESS_FS_MAKE_BLOCK;

uint64_t write_file(long version) { return LANDLOCK_ACCESS_FS_WRITE_FILE | (version >= 3 ? kAccessTruncate : 0); }

Status allow(int ruleset, const std::string& path, uint64_t on_files, uint64_t on_directories) {
  const UniqueFd place(::open(path.c_str(), O_PATH | O_CLOEXEC));
  struct stat info {};
  if (!place.valid() || ::fstat(place.get(), &info) != 0) return Done{};  // there is nothing to allow
  const uint64_t access = S_ISDIR(info.st_mode) ? on_files | on_directories : on_files;
  const landlock_path_beneath_attr rule{access, place.get()};
  if (::syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) != 0)
    return Error{Code::kInternal, str("cannot allow the worker ", path, ": ", std::strerror(errno))};
  return Done{};
}

// False when this kernel has no Landlock, or one that forbids renaming between directories (before Linux 5.19).
Result<bool> restrict_files(const SandboxRules& rules) {
  const long version = ::syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION);
  if (version < 2) return false;
  landlock_ruleset_attr handled{};
  handled.handled_access_fs = kReadFile | kReadDirectory | write_file(version) | kWriteDirectory | kNever;
  const UniqueFd ruleset(static_cast<int>(::syscall(SYS_landlock_create_ruleset, &handled, sizeof handled, 0)));
  if (!ruleset.valid()) return false;
  for (const std::string& path : rules.readable) TRY(allow(ruleset.get(), path, kReadFile, kReadDirectory));
  for (const std::string& path : rules.writable)
    TRY(allow(ruleset.get(), path, kReadFile | write_file(version), kReadDirectory | kWriteDirectory));
  if (::syscall(SYS_landlock_restrict_self, ruleset.get(), 0) != 0)
    return Error{Code::kInternal, str("cannot restrict the worker's files: ", std::strerror(errno))};
  return true;
}

// What a worker does: files, memory, sockets, threads, time.
constexpr const char* kAllowed[] = {
    // files
    "read", "write", "readv", "writev", "pread64", "pwrite64", "preadv", "pwritev", "preadv2", "pwritev2", "open",
    "openat", "openat2", "close", "close_range", "stat", "fstat", "lstat", "newfstatat", "statx", "access", "faccessat",
    "faccessat2", "lseek", "dup", "dup2", "dup3", "fcntl", "flock", "fsync", "fdatasync", "sync_file_range", "syncfs",
    "ftruncate", "truncate", "fallocate", "fadvise64", "readahead", "rename", "renameat", "renameat2", "link", "linkat",
    "symlink", "symlinkat", "unlink", "unlinkat", "mkdir", "mkdirat", "rmdir", "readlink", "readlinkat", "getdents",
    "getdents64", "getcwd", "chdir", "fchdir", "chmod", "fchmod", "fchmodat", "chown", "fchown", "fchownat", "lchown",
    "utime", "utimes", "futimesat", "utimensat", "statfs", "fstatfs", "umask", "copy_file_range", "sendfile", "splice",
    "getxattr", "lgetxattr", "fgetxattr", "listxattr", "llistxattr", "flistxattr", "setxattr", "fsetxattr",
    "removexattr", "fremovexattr", "inotify_init1", "inotify_add_watch", "inotify_rm_watch", "memfd_create",
    // memory
    "mmap", "munmap", "mprotect", "mremap", "madvise", "brk", "msync", "mincore", "mlock", "mlock2", "munlock",
    "membarrier", "cachestat",
    // waiting
    "poll", "ppoll", "select", "pselect6", "epoll_create", "epoll_create1", "epoll_ctl", "epoll_wait", "epoll_pwait",
    "epoll_pwait2", "eventfd", "eventfd2", "signalfd", "signalfd4", "timerfd_create", "timerfd_settime",
    "timerfd_gettime", "pipe", "pipe2", "futex", "futex_waitv", "futex_wake", "futex_wait", "futex_requeue",
    // sockets
    "socket", "socketpair", "connect", "bind", "listen", "accept", "accept4", "getsockname", "getpeername",
    "getsockopt", "setsockopt", "sendto", "sendmsg", "sendmmsg", "recvfrom", "recvmsg", "recvmmsg", "shutdown",
    // threads and signals
    "set_robust_list", "get_robust_list", "set_tid_address", "rseq", "sched_yield", "sched_getaffinity",
    "sched_setaffinity", "sched_getparam", "sched_setparam", "sched_getscheduler", "sched_setscheduler",
    "sched_get_priority_max", "sched_get_priority_min", "sched_getattr", "sched_setattr", "getpriority", "setpriority",
    "ioprio_get", "ioprio_set", "rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "rt_sigpending", "rt_sigsuspend",
    "rt_sigtimedwait", "rt_sigqueueinfo", "rt_tgsigqueueinfo", "sigaltstack", "restart_syscall", "tgkill", "tkill",
    "exit", "exit_group", "arch_prctl", "prctl", "pause",
    // time, and who and where we are
    "nanosleep", "clock_nanosleep", "clock_gettime", "clock_getres", "gettimeofday", "time", "times", "alarm",
    "getitimer", "setitimer", "timer_create", "timer_settime", "timer_gettime", "timer_delete", "getpid", "gettid",
    "getppid", "getpgid", "getpgrp", "getsid", "getuid", "geteuid", "getgid", "getegid", "getresuid", "getresgid",
    "getgroups", "capget", "uname", "sysinfo", "getrusage", "getrlimit", "prlimit64", "getrandom", "getcpu"};

// What nothing but an intruder wants.
constexpr const char* kFatal[] = {"execve",
                                  "execveat",
                                  "fork",
                                  "vfork",
                                  "ptrace",
                                  "process_vm_readv",
                                  "process_vm_writev",
                                  "process_madvise",
                                  "pidfd_getfd",
                                  "pidfd_send_signal",
                                  "mount",
                                  "umount",
                                  "umount2",
                                  "pivot_root",
                                  "chroot",
                                  "setns",
                                  "unshare",
                                  "fsopen",
                                  "fsmount",
                                  "fsconfig",
                                  "fspick",
                                  "move_mount",
                                  "open_tree",
                                  "mount_setattr",
                                  "open_by_handle_at",
                                  "fanotify_init",
                                  "bpf",
                                  "perf_event_open",
                                  "userfaultfd",
                                  "init_module",
                                  "finit_module",
                                  "delete_module",
                                  "kexec_load",
                                  "kexec_file_load",
                                  "reboot",
                                  "swapon",
                                  "swapoff",
                                  "acct",
                                  "quotactl",
                                  "setuid",
                                  "setgid",
                                  "setreuid",
                                  "setregid",
                                  "setresuid",
                                  "setresgid",
                                  "setgroups",
                                  "setfsuid",
                                  "setfsgid",
                                  "capset",
                                  "keyctl",
                                  "add_key",
                                  "request_key",
                                  "iopl",
                                  "ioperm",
                                  "modify_ldt",
                                  "settimeofday",
                                  "clock_settime",
                                  "clock_adjtime",
                                  "adjtimex",
                                  "sethostname",
                                  "setdomainname",
                                  "syslog",
                                  "vhangup",
                                  "mknod",
                                  "mknodat"};

class Filter {
 public:
  Filter() : context_(::seccomp_init(SCMP_ACT_ERRNO(ENOSYS))) {}
  ~Filter() {
    if (context_ != nullptr) ::seccomp_release(context_);
  }
  Filter(const Filter&) = delete;
  Filter& operator=(const Filter&) = delete;

  // Calls that this machine does not have are left out.
  template <class... Comparisons>
  void on(const char* call, uint32_t action, Comparisons... comparisons) {
    const int number = ::seccomp_syscall_resolve_name(call);
    if (number == __NR_SCMP_ERROR || failed_ != 0) return;
    const scmp_arg_cmp list[] = {comparisons..., scmp_arg_cmp{}};
    const int result = ::seccomp_rule_add_array(context_, action, number, sizeof...(comparisons), list);
    if (result != -EDOM && result != -EOPNOTSUPP) failed_ = result;
  }

  // 0, or an errno.
  int load() {
    if (context_ == nullptr) return ENOMEM;
    if (failed_ != 0) return -failed_;
    ::seccomp_attr_set(context_, SCMP_FLTATR_CTL_OPTIMIZE, 2);  // a tree, not a list
    ::seccomp_attr_set(context_, SCMP_FLTATR_CTL_NNP, 0);       // done already
    return -::seccomp_load(context_);
  }

 private:
  scmp_filter_ctx context_;
  int failed_ = 0;
};

// False when this kernel has no seccomp filters.
Result<bool> restrict_calls() {
  const bool has_filters = ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, nullptr, 0, 0) != 0 && errno == EFAULT;
  if (!has_filters) return false;
  Filter filter;
  for (const char* call : kAllowed) filter.on(call, SCMP_ACT_ALLOW);
  for (const char* call : kFatal) filter.on(call, SCMP_ACT_KILL_PROCESS);
  filter.on("clone", SCMP_ACT_ALLOW, SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD));
  filter.on("clone", SCMP_ACT_KILL_PROCESS, SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, 0));
  filter.on("kill", SCMP_ACT_ALLOW, SCMP_A0(SCMP_CMP_EQ, static_cast<scmp_datum_t>(::getpid()), 0));
  filter.on("ioctl", SCMP_ACT_ALLOW, SCMP_A1(SCMP_CMP_NE, TIOCSTI, 0));
  const int error_number = filter.load();
  if (error_number != 0)
    return Error{Code::kInternal, str("cannot restrict the worker's system calls: ", std::strerror(error_number))};
  return true;
}
}  // namespace

Result<std::vector<std::string>> enter_sandbox(const SandboxRules& rules) {
  std::vector<std::string> out;
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0) out.emplace_back("no-new-privileges");
  if (TRY(restrict_files(rules))) out.emplace_back("landlock");
  if (TRY(restrict_calls())) out.emplace_back("seccomp");
  return out;
}

std::vector<std::string> system_files() {
  // Whole directories: what name resolution reads is replaced when the network changes.
  return {"/etc",
          "/usr/lib",
          "/usr/lib64",
          "/usr/local/lib",
          "/lib",
          "/lib64",
          "/usr/share/zoneinfo",
          "/usr/share/ca-certificates",
          "/usr/local/share/ca-certificates",
          "/usr/share/publicsuffix",
          "/run/systemd/resolve",
          "/run/resolvconf",
          "/run/NetworkManager",
          "/run/connman",
          "/proc",
          "/sys/devices/system/cpu",
          "/sys/fs/cgroup",
          "/dev/urandom",
          "/dev/random",
          "/dev/null"};
}

std::vector<std::string> repository_files(const std::string& directory) {
  namespace files = std::filesystem;
  std::error_code failure;
  std::vector<std::string> out{directory};
  for (const auto& entry : files::directory_iterator(directory, failure)) {
    if (entry.is_symlink(failure)) out.push_back(entry.path());
  }
  return out;
}

}  // namespace granary
