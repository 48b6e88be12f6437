#include "initramfs/lasting_root.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/sendfile.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstdio>
#include <memory>

#include "fs/base/file.h"
#include "initramfs/folder.h"
#include "initramfs/mounts.h"
#include "initramfs/paths.h"

namespace granary {

namespace {
Status copy_file(const std::string& from, const std::string& to, const struct stat& status) {
  const UniqueFd in = TRY(open_file(from, O_RDONLY | O_CLOEXEC));
  const UniqueFd out = TRY(open_file(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, status.st_mode & 07777));
  for (off_t left = status.st_size; left > 0;) {
    const ssize_t sent = ::sendfile(out.get(), in.get(), nullptr, static_cast<size_t>(left));
    if (sent <= 0) return system_error(sent == 0 ? EIO : errno, str("cannot copy ", from, " to ", to));
    left -= sent;
  }
  return Done{};
}

Status move_and_link(const std::string& from, const std::string& to) {
  TRY(move_across(from, to));
  if (::symlink(to.c_str(), from.c_str()) != 0) return system_error(errno, str("cannot link ", from));
  return Done{};
}

// What stays: mount points, kernel modules (posted later), and the link that the kernel starts.
bool stays(const std::string& name) {
  for (const char* kept : {"dev", "proc", "sys", "run", "tmp", "newroot", "root", "init"}) {
    if (name == kept) return true;
  }
  return false;
}
}  // namespace

Status move_across(const std::string& from, const std::string& to) {
  struct stat status {};
  if (::lstat(from.c_str(), &status) != 0) return system_error(errno, "cannot look at " + from);
  if (S_ISLNK(status.st_mode)) {
    char target[4096];
    const ssize_t n = ::readlink(from.c_str(), target, sizeof target - 1);
    if (n < 0 || ::symlink(std::string(target, static_cast<size_t>(n)).c_str(), to.c_str()) != 0)
      return system_error(errno, "cannot make the link " + to);
  } else if (S_ISDIR(status.st_mode)) {
    TRY(make_directories(to, status.st_mode & 07777));
    for (const std::string& name : names_in(from)) TRY(move_across(str(from, "/", name), str(to, "/", name)));
  } else {
    TRY(copy_file(from, to, status));
  }
  return remove_tree(from);
}

Status move_to_lasting_root(const std::string& from, const std::string& lasting) {
  for (const std::string& name : names_in(from)) {
    if (stays(name)) continue;
    if (name != "lib") {
      TRY(move_and_link(str(from, "/", name), str(lasting, "/", name)));
      continue;
    }
    for (const std::string& inner : names_in(str(from, "/lib"))) {
      if (inner == "modules") continue;
      TRY(make_directories(str(lasting, "/lib")));
      TRY(move_and_link(str(from, "/lib/", inner), str(lasting, "/lib/", inner)));
    }
  }
  for (const char* folder : {"tree", "scratch", "posted", "dev", "proc", "tmp", "log", "etc", "bin"})
    TRY(make_directories(str(lasting, "/", folder)));
  for (const char* name : {"granary-guest", "granary-lease"}) {
    if (::symlink("granary-init", (lasting + "/bin/" + name).c_str()) != 0 && errno != EEXIST)
      return system_error(errno, str("cannot link ", lasting, "/bin/", name));
  }
  if (::symlink("bin/granary-init", (lasting + "/shutdown").c_str()) != 0 && errno != EEXIST)
    return system_error(errno, "cannot link " + lasting + "/shutdown");
  // Written in place from now on: the mount program knows the file, not its name.
  const std::string resolver = lasting + "/etc/resolv.conf";
  if (!exists(resolver)) TRY(replace_file(resolver, "", 0644, Durability::kFast));
  return Done{};
}

Result<std::string> make_lasting_root() {
  TRY(mount_at({"tmpfs", "/run", "tmpfs", MS_NOSUID | MS_NODEV, "mode=0755"}));
  TRY(make_directories(paths::kBootFolder));
  // A file system of its own: sysvinit forbids programs on /run (noexec).
  TRY(mount_at({"tmpfs", paths::kLasting, "tmpfs", MS_NOSUID, "mode=0755"}));
  TRY(move_to_lasting_root("/", paths::kLasting));
  // They stay there: a worker of the mount program that replaces a dead one needs them as the first one did.
  TRY(mount_at({"/dev", str(paths::kLasting, "/dev"), "none", MS_BIND, ""}));
  TRY(mount_at({"proc", str(paths::kLasting, "/proc"), "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, ""}));
  return std::string(paths::kLasting);
}

Result<ProgramEnd> run_in_lasting_root(Program program) {
  std::vector<std::string> words{paths::kProgram, "in-root", paths::kLasting};
  words.insert(words.end(), program.words.begin(), program.words.end());
  program.words = std::move(words);
  return run_program(program);
}

int enter_root(const std::vector<std::string>& arguments) {
  if (arguments.size() < 2) return 2;
  const std::string& program = arguments[1];
  if (::chroot(arguments[0].c_str()) != 0 || ::chdir("/") != 0) {
    std::fprintf(stderr, "cannot enter %s: %m\n", arguments[0].c_str());
    return 126;
  }
  const std::string name = "@" + program.substr(program.rfind('/') + 1);
  std::vector<char*> argv{const_cast<char*>(name.c_str())};
  for (size_t i = 2; i < arguments.size(); ++i) argv.push_back(const_cast<char*>(arguments[i].c_str()));
  argv.push_back(nullptr);
  ::execv(program.c_str(), argv.data());
  std::fprintf(stderr, "cannot start %s: %m\n", program.c_str());
  return 127;
}

std::string inside_lasting_root(const std::string& path) {
  const std::string lasting = paths::kLasting;
  if (path == lasting) return "/";
  return path.starts_with(lasting + "/") ? path.substr(lasting.size()) : path;
}

}  // namespace granary
