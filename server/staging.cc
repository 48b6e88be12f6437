#include "server/staging.h"

#include <fcntl.h>

#include <cerrno>
#include <ctime>
#include <filesystem>
#include <vector>

#include "fs/base/crash_point.h"
#include "fs/base/log.h"
#include "fs/base/unique_name.h"
#include "server/quarantine.h"

namespace granary {

namespace {
namespace filesystem = std::filesystem;

std::string stagings_of(const std::string& repository) { return repository + "/.granary/staging"; }

// Held while stagings come to be and while dead ones are told from living ones, so that neither sees the other half
// done.
Result<FileLock> lock_stagings(const std::string& repository) {
  TRY(make_directories(stagings_of(repository), 0700));
  return FileLock::wait(stagings_of(repository) + "/.lock");
}

std::string fresh_name() { return str(std::time(nullptr), "-", unique_name()); }

Result<std::vector<std::string>> names_in(const std::string& directory) {
  std::error_code failure;
  std::vector<std::string> names;
  for (filesystem::directory_iterator at(directory, failure), end; !failure && at != end; at.increment(failure))
    names.push_back(at->path().filename().string());
  if (failure) return system_error(failure.value(), "cannot list " + printable(directory));
  return names;
}

// As remove_tree, also when another process is removing the same at the same time.
Status remove_together(const std::string& directory) {
  constexpr int kTries = 10;
  Status removed = Done{};
  for (int i = 0; i < kTries; ++i) {
    removed = remove_tree(directory);
    if (removed || !exists(directory)) return Done{};
  }
  return removed;
}

// The new name, unless the repository got the object from another publish meanwhile.
Status move_into_place(const std::string& from, const std::string& to) {
  if (::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) == 0 || errno == EEXIST)
    return Done{};
  if (errno == EINVAL && ::rename(from.c_str(), to.c_str()) == 0) return Done{};  // a filesystem without NOREPLACE
  return system_error(errno, "cannot move " + printable(from) + " to " + printable(to));
}
}  // namespace

Result<std::unique_ptr<Staging>> Staging::begin(const std::string& repository) {
  TRY(sweep_dead_stagings(repository));
  const FileLock all = TRY(lock_stagings(repository));
  const std::string directory = stagings_of(repository) + "/" + fresh_name();
  TRY(make_directories(directory + "/scratch", 0700));
  FileLock own = TRY(FileLock::try_lock(directory + "/lock"));
  return std::unique_ptr<Staging>(new Staging(repository, directory, std::move(own)));
}

Staging::Staging(const std::string& repository, std::string directory, FileLock lock)
    : repository_path_(repository),
      directory_(std::move(directory)),
      scratch_(directory_ + "/scratch"),
      lock_(std::move(lock)),
      fresh_(directory_),
      repository_(repository) {}

Staging::~Staging() {
  if (const Status removed = remove_together(directory_); !removed)
    log::warn("staging left-behind", {{"directory", directory_}, {"cause", removed.error().message}});
}

Result<Bytes> Staging::get(const ObjectId& id) {
  auto fresh = fresh_.get(id);
  if (fresh || fresh.error().code != Code::kNotFound) return fresh;
  return repository_.get(id);
}

Result<bool> Staging::has(const ObjectId& id) {
  {
    const MutexLock lock(mutex_);
    if (relied_on_.contains(id)) return true;
  }
  if (TRY(fresh_.has(id))) return true;
  if (!TRY(repository_.has(id))) return false;
  rely_on(id);
  return true;
}

Status Staging::put(const ObjectId& id, ByteView file) {
  if (TRY(has(id))) return Done{};
  return fresh_.put(id, file);
}

Status Staging::sync() { return fresh_.sync(); }

Status Staging::commit() {
  const std::string objects = directory_ + "/objects";
  if (!exists(objects)) return Done{};
  crash_point("staging-before-sync");
  TRY(fresh_.sync());  // bytes before names: an object that has its name is complete, whatever happens
  crash_point("staging-before-renames");
  for (const std::string& folder : TRY(names_in(objects))) {
    const std::string target = repository_path_ + "/objects/" + folder;
    TRY(make_directories(target));
    for (const std::string& name : TRY(names_in(objects + "/" + folder))) {
      TRY(move_into_place(objects + "/" + folder + "/" + name, target + "/" + name));
      if (const auto id = Digest::parse(folder + name)) rely_on(*id);
      crash_point("staging-between-renames");
    }
  }
  crash_point("staging-after-renames");
  TRY(repository_.sync());
  crash_point("staging-committed");
  return Done{};
}

void Staging::rely_on(const ObjectId& id) {
  const MutexLock lock(mutex_);
  relied_on_.insert(id);
}

Status Staging::confirm() {
  Quarantine quarantine(repository_path_);
  bool restored = false;
  const MutexLock lock(mutex_);
  for (const ObjectId& id : relied_on_) {
    if (TRY(repository_.has(id))) continue;
    if (!TRY(quarantine.restore(id))) {
      has_lost_ = true;
      return Error{Code::kConflict,
                   str("object ", id.brief(), " was removed by garbage collection meanwhile: publish again")};
    }
    restored = true;
  }
  return restored ? repository_.sync() : Status(Done{});
}

Result<size_t> sweep_dead_stagings(const std::string& repository) {
  std::vector<std::string> dead;
  {
    const FileLock all = TRY(lock_stagings(repository));
    for (const std::string& name : TRY(names_in(stagings_of(repository)))) {
      const std::string directory = stagings_of(repository) + "/" + name;
      if (name == ".lock") continue;
      if (const auto lock = FileLock::try_lock(directory + "/lock"); !lock && lock.error().code == Code::kBusy)
        continue;
      dead.push_back(directory);
      ::unlink((directory + "/lock").c_str());
    }
  }
  for (const std::string& directory : dead) TRY(remove_together(directory));
  return dead.size();
}

}  // namespace granary
