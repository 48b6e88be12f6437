#include "builder/recipe/beside.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "builder/recipe/names.h"
#include "fs/base/file.h"

namespace granary {

namespace {
constexpr mode_t kWritableByOthers = 0022;  // comes from the umask of whoever checked it out, not from the recipe

// The kernel itself keeps the path inside `folder`.
Result<UniqueFd> open_beneath(const std::string& folder, const std::string& path, uint64_t flags) {
  if (folder.empty()) return Error{Code::kNotFound, "nothing stands beside this recipe"};
  if (!is_path_below(path) && path != ".")
    return Error{Code::kInvalid, str("\"", printable(path), "\" must be a path below the recipe's folder, without ..")};
  const UniqueFd top = TRY(open_file(folder, O_PATH | O_DIRECTORY | O_CLOEXEC));
  open_how how{};
  how.flags = flags | O_CLOEXEC;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;
  const auto fd = static_cast<int>(::syscall(SYS_openat2, top.get(), path.c_str(), &how, sizeof how));
  if (fd >= 0) return UniqueFd(fd);
  if (errno == EXDEV)
    return Error{Code::kInvalid, str("\"", printable(path), "\" leads out of the recipe's folder ", printable(folder))};
  if (errno == ENOTDIR) return Error{Code::kInvalid, str("\"", printable(path), "\" is not a directory")};
  return system_error(errno, str("cannot read ", printable(folder), "/", printable(path)));
}

uint16_t kept_mode(mode_t mode) { return static_cast<uint16_t>(mode & 07777 & ~kWritableByOthers); }

Result<std::string> link_target(int fd) {
  std::string target(4096, '\0');
  const ssize_t length = ::readlinkat(fd, "", target.data(), target.size());
  if (length < 0) return system_error(errno, "cannot read a symbolic link");
  target.resize(static_cast<size_t>(length));
  return target;
}

Result<std::vector<std::string>> names_in(const std::string& path) {
  std::vector<std::string> names;
  std::error_code failure;
  for (const auto& item : std::filesystem::directory_iterator(path, failure))
    names.push_back(item.path().filename().string());
  if (failure) return system_error(failure.value(), "cannot list " + printable(path));
  std::sort(names.begin(), names.end());
  return names;
}
}  // namespace

Result<Bytes> Beside::read(int fd, uint64_t size_bytes, const std::string& path) {
  if (size_bytes > left_bytes_)
    return Error{Code::kNoSpace,
                 str("\"", printable(path), "\" is too much: the files of a recipe may have ", kMaxBytes >> 20,
                     " MiB in total; make a package of a large tree, or publish it beside the cooked "
                     "one with `granary publish --path`")};
  Bytes bytes = TRY(read_at(fd, 0, size_bytes));
  left_bytes_ -= bytes.size();
  return bytes;
}

Result<Beside::File> Beside::file(const std::string& path) {
  const UniqueFd fd = TRY(open_beneath(folder_, path, O_RDONLY | O_NONBLOCK));
  struct stat attributes {};
  if (::fstat(fd.get(), &attributes) != 0) return system_error(errno, "cannot look at " + printable(path));
  if (!S_ISREG(attributes.st_mode)) return Error{Code::kInvalid, str("\"", printable(path), "\" is not a file")};
  File file;
  file.content = TRY(read(fd.get(), static_cast<uint64_t>(attributes.st_size), path));
  file.mode = kept_mode(attributes.st_mode);
  return file;
}

Result<std::vector<RecipeFile>> Beside::directory(const std::string& path, const std::string& target) {
  TRY(open_beneath(folder_, path, O_RDONLY | O_DIRECTORY));
  std::vector<RecipeFile> files;
  std::vector<std::string> pending{""};  // relative to `path`
  while (!pending.empty()) {
    const std::string here = pending.back();
    pending.pop_back();
    for (const std::string& name : TRY(names_in(folder_ + "/" + path + here))) {
      const std::string below = here + "/" + name;
      const std::string shown = path + below;
      if (!is_text(name)) return Error{Code::kInvalid, str("\"", printable(shown), "\" is not a name in UTF-8")};
      if (files.size() >= kMaxFiles)
        return Error{Code::kNoSpace, str("\"", printable(path), "\" has more than ", kMaxFiles,
                                         " entries: publish it with `granary publish --path` instead")};
      const UniqueFd entry = TRY(open_beneath(folder_, shown, O_PATH | O_NOFOLLOW));
      struct stat attributes {};
      if (::fstat(entry.get(), &attributes) != 0) return system_error(errno, "cannot look at " + printable(shown));
      RecipeFile file;
      file.path = (target == "/" ? "" : target) + below;
      if (S_ISDIR(attributes.st_mode)) {
        file.directory = true;
        pending.push_back(below);
      } else if (S_ISLNK(attributes.st_mode)) {
        file.target = TRY(link_target(entry.get()));
      } else if (S_ISREG(attributes.st_mode)) {
        File content = TRY(this->file(shown));
        file.content = std::move(content.content);
        file.mode = content.mode;
      } else {
        return Error{Code::kInvalid, str("\"", printable(shown), "\" is neither file, directory nor symbolic link")};
      }
      files.push_back(std::move(file));
    }
  }
  std::sort(files.begin(), files.end(), [](const RecipeFile& a, const RecipeFile& b) { return a.path < b.path; });
  return files;
}

}  // namespace granary
