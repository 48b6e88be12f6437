#include "tools/mount_probe.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <deque>
#include <memory>
#include <nlohmann/json.hpp>

#include "fs/base/file.h"
#include "fs/client/control_socket.h"
#include "tools/bounded.h"

namespace granary {

namespace {
using Outcome = ProbeCheck::Outcome;
using Clock = std::chrono::steady_clock;
using Json = nlohmann::ordered_json;

constexpr size_t kMostEntriesLookedAt = 2000;
constexpr size_t kSampleBytes = 4096;

struct Finding {
  Outcome outcome = Outcome::kOk;
  std::string detail;
};

Finding failed(const std::string& detail) { return {Outcome::kFailed, detail}; }
Finding failed_with(const char* what) { return failed(str(what, ": ", std::generic_category().message(errno))); }

Result<std::string> ask(const MountPoint& mount, const std::string& question, std::chrono::milliseconds timeout) {
  auto control = ControlClient::connect(mount);
  return control ? control->ask(question, timeout) : Result<std::string>(control.error());
}

Finding check_worker(const MountPoint& mount, std::chrono::milliseconds timeout) {
  const auto answer = ask(mount, "stat", timeout);
  if (!answer && answer.error().code == Code::kPermission) return {Outcome::kWarning, answer.error().message};
  if (!answer) return failed(answer.error().message);
  const Json stat = Json::parse(*answer, nullptr, false);
  if (!stat.is_object() || !stat.contains("worker_pid")) return failed("it answers with something else");
  const std::string pid = stat["worker_pid"].dump();
  if (!exists("/proc/" + pid)) return failed("the worker, process " + pid + ", is gone");
  if (stat.contains("stalls") && stat["stalls"].contains("now_count") && stat["stalls"]["now_count"] != 0)
    return {Outcome::kWarning, str("process ", pid, "; ", stat["stalls"]["now_count"], " requests are stalled")};
  return {Outcome::kOk, "process " + pid};
}

Finding check_head(const MountPoint& mount, std::chrono::milliseconds timeout) {
  const auto answer = ask(mount, "head", timeout);
  if (answer) return {Outcome::kOk, *answer};
  if (answer.error().code == Code::kInvalid || answer.error().code == Code::kPermission)
    return {Outcome::kOk, "not asked: " + answer.error().message};
  return {Outcome::kWarning, "no source answers: " + answer.error().message};
}

Finding check_statfs(const MountPoint& mount) {
  struct statvfs info {};
  if (::statvfs(mount.path.c_str(), &info) != 0) return failed_with("cannot ask for its size");
  return {Outcome::kOk, str(info.f_files, " entries")};
}

struct CloseDirectory {
  void operator()(DIR* directory) const { ::closedir(directory); }
};
using Directory = std::unique_ptr<DIR, CloseDirectory>;

Finding check_root(const MountPoint& mount) {
  const Directory root(::opendir(mount.path.c_str()));
  if (!root) return failed_with("cannot list its root");
  size_t entries = 0;
  errno = 0;
  while (const dirent* entry = ::readdir(root.get())) {
    struct stat info {};
    if (entries < 16 && ::fstatat(::dirfd(root.get()), entry->d_name, &info, AT_SYMLINK_NOFOLLOW) != 0)
      return failed_with("cannot look at an entry of its root");
    ++entries;
  }
  return errno == 0 ? Finding{Outcome::kOk, {}} : failed_with("cannot list its root");
}

// The first file of the tree that we may read, folder by folder: the same each time, so that it is soon cached.
std::string some_file(const std::string& top) {
  std::deque<std::string> folders{top};
  size_t looked_at = 0;
  while (!folders.empty()) {
    const std::string folder = std::move(folders.front());
    folders.pop_front();
    const Directory directory(::opendir(folder.c_str()));
    if (!directory) continue;
    while (const dirent* entry = ::readdir(directory.get())) {
      const std::string name = entry->d_name;
      if (name == "." || name == "..") continue;
      if (++looked_at > kMostEntriesLookedAt) return {};
      const std::string path = folder + "/" + name;
      if (entry->d_type == DT_DIR) folders.push_back(path);
      struct stat info {};
      const bool is_file = entry->d_type == DT_REG && ::lstat(path.c_str(), &info) == 0 && info.st_size > 0;
      if (is_file && ::access(path.c_str(), R_OK) == 0) return path;
    }
  }
  return {};
}

Finding check_read(const MountPoint& mount) {
  const std::string path = some_file(mount.path);
  if (path.empty()) return {Outcome::kOk, "no file to read"};
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  char bytes[kSampleBytes];
  if (!fd.valid() || ::pread(fd.get(), bytes, sizeof bytes, 0) <= 0)
    return failed_with(("cannot read " + printable(path)).c_str());
  return {Outcome::kOk, printable(path)};
}

// In the child. One line of JSON when a check begins, one when it has ended.
void run_checks(const MountPoint& mount, std::chrono::milliseconds timeout, const Bounded::Say& say) {
  const auto part = timeout / 4;
  const auto check = [&](const char* name, const auto& look) {
    say(Json{{"begins", name}}.dump() + "\n");
    const auto begin = Clock::now();
    const Finding finding = look();
    const std::chrono::duration<double, std::milli> took = Clock::now() - begin;
    say(Json{{"name", name},
             {"outcome", static_cast<int>(finding.outcome)},
             {"milliseconds", took.count()},
             {"detail", printable(finding.detail)}}
            .dump() +
        "\n");
  };
  check("worker", [&] { return check_worker(mount, part); });
  check("head", [&] { return check_head(mount, part); });
  check("statfs", [&] { return check_statfs(mount); });
  check("root", [&] { return check_root(mount); });
  check("read", [&] { return check_read(mount); });
}

std::vector<ProbeCheck> checks_of(const Bounded::Outcome& outcome, std::chrono::milliseconds timeout) {
  std::vector<ProbeCheck> checks;
  std::string begun;
  std::istringstream lines(outcome.said);
  for (std::string line; std::getline(lines, line);) {
    const Json json = Json::parse(line, nullptr, false);
    if (!json.is_object()) continue;
    if (json.contains("begins")) {
      begun = json["begins"];
      continue;
    }
    checks.push_back(
        {json["name"], static_cast<Outcome>(json["outcome"].get<int>()), json["milliseconds"], json["detail"]});
    begun.clear();
  }
  if (!begun.empty())
    checks.push_back({begun, Outcome::kFailed, static_cast<double>(timeout.count()),
                      outcome.ended ? "the probe itself died" : str("no answer within ", timeout.count(), " ms")});
  return checks;
}
}  // namespace

const char* name_of(ProbeCheck::Outcome outcome) {
  switch (outcome) {
    case Outcome::kOk: return "ok";
    case Outcome::kWarning: return "warning";
    case Outcome::kFailed: return "failed";
  }
  return "?";
}

ProbeCheck::Outcome ProbeReport::worst() const {
  Outcome worst = checks.empty() ? Outcome::kFailed : Outcome::kOk;
  for (const ProbeCheck& check : checks) worst = std::max(worst, check.outcome);
  return worst;
}

std::string ProbeReport::complaint() const {
  for (const ProbeCheck& check : checks) {
    if (check.outcome == worst() && check.outcome != Outcome::kOk) return check.name + ": " + check.detail;
  }
  return checks.empty() ? "could not be looked at" : "";
}

std::vector<ProbeReport> probe_mounts(const std::vector<MountPoint>& mounts, std::chrono::milliseconds timeout) {
  const auto deadline = Clock::now() + timeout;
  std::vector<Result<Bounded>> children;
  children.reserve(mounts.size());
  for (const MountPoint& mount : mounts)
    children.push_back(Bounded::start([&](const Bounded::Say& say) { run_checks(mount, timeout, say); }));
  std::vector<ProbeReport> reports;
  for (size_t i = 0; i < mounts.size(); ++i) {
    const auto checks = children[i] ? checks_of(children[i]->wait(deadline), timeout) : std::vector<ProbeCheck>();
    reports.push_back({mounts[i], checks});
  }
  return reports;
}

}  // namespace granary
