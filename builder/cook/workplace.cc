#include "builder/cook/workplace.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <vector>

#include "fs/base/unique_name.h"
#include "fs/format/json.h"

namespace granary {

namespace {
constexpr size_t kMaxNoteBytes = 1 << 20;
constexpr const char* kNote = "/failed.json";

// Where the workplaces of a folder for cooks lie.
std::string home_of_workplaces(const std::string& cache) { return cache + "/work"; }

std::vector<std::string> workplaces_in(const std::string& cache) {
  std::vector<std::string> found;
  std::error_code failure;
  for (std::filesystem::directory_iterator at(home_of_workplaces(cache), failure), end; !failure && at != end;
       at.increment(failure))
    found.push_back(at->path().string());
  std::sort(found.begin(), found.end());  // by time: names begin with it
  return found;
}

std::string new_name() {
  std::string name = format_utc(Clock::system().now());
  std::erase_if(name, [](char c) { return c == ':' || c == '-'; });
  return str(name, "-", unique_name());
}

bool is_kept(const std::string& directory) { return exists(directory + kNote); }

Status remove_workplace(const std::string& directory) {
  const auto lock = DirectoryLock::try_lock(directory);
  if (!lock) return Done{};  // alive, or just being taken away
  return remove_tree(directory);
}

// What dead cooks left; the last failure stays. One that its own cook takes away at this moment may resist: the next
// sweep looks again.
void sweep(const std::string& cache) {
  for (const std::string& directory : workplaces_in(cache)) {
    if (!is_kept(directory)) static_cast<void>(remove_workplace(directory));
  }
}

Result<KeptFailure> read_note(const std::string& directory) {
  const Bytes text = TRY(read_file(directory + kNote, kMaxNoteBytes));
  const JsonValue note = TRY(parse_document(text, kMaxNoteBytes, "cook-failure", {}));
  const JsonReader members(*note.object(), "note on a failed cook");
  KeptFailure failure;
  failure.directory = directory;
  failure.repository = TRY(members.base64("repository"));
  failure.layer = TRY(members.base64("layer"));
  if (members.has("lower")) failure.lower = TRY(members.digest("lower"));
  failure.message = TRY(members.base64("message"));
  return failure;
}
}  // namespace

Result<Workplace> Workplace::make(const std::string& cache) {
  const std::string home = home_of_workplaces(cache);
  TRY(make_directories(home, 0700));
  const FileLock alone = TRY(FileLock::wait(home + ".lock"));  // nobody sweeps what is not locked yet
  sweep(cache);
  const std::string directory = home + "/" + new_name();
  TRY(make_directories(directory, 0700));
  Workplace place(directory, TRY(DirectoryLock::try_lock(directory)));
  for (const char* part : {"/upper", "/tree"}) {
    TRY(make_directories(directory + part, 0755));
    if (::chmod((directory + part).c_str(), 0755) != 0)  // whatever our umask
      return system_error(errno, "cannot prepare " + printable(directory));
  }
  return place;
}

Workplace::~Workplace() {
  if (!directory_.empty() && !is_kept(directory_)) static_cast<void>(remove_tree(directory_));
}

Status Workplace::keep(const KeptFailure& failure) {
  for (const std::string& other : workplaces_in(std::filesystem::path(directory_).parent_path().parent_path())) {
    if (other != directory_ && is_kept(other)) TRY(remove_workplace(other));
  }
  JsonValue::Object note = new_document("cook-failure");
  note.emplace("repository", to_base64(failure.repository));
  note.emplace("layer", to_base64(failure.layer));
  if (failure.lower) note.emplace("lower", failure.lower->hex());
  note.emplace("message", to_base64(failure.message));
  return replace_file(directory_ + kNote, JsonValue(note).canonical(), 0600, Durability::kFast);
}

Result<KeptFailure> Workplace::last_failure(const std::string& cache) {
  const auto found = workplaces_in(cache);
  for (auto at = found.rbegin(); at != found.rend(); ++at) {
    if (is_kept(*at)) return read_note(*at);
  }
  return Error{Code::kNotFound, str("no failed cook is kept in ", printable(cache), ": there is nothing to enter")};
}

}  // namespace granary
