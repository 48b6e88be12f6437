#include "fs/store/dir_store.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>

#include "fs/base/file.h"
#include "fs/base/unique_name.h"

namespace granary {

Result<Bytes> DirStore::get(const ObjectId& id) {
  auto file = read_file(path_of(id), kMaxObjectFileBytes);
  if (!file && file.error().code == Code::kNotFound)
    return Error{Code::kNotFound, str("object ", id, " is not in ", printable(repository_))};
  return file;
}

Status DirStore::put(const ObjectId& id, ByteView file) {
  if (TRY(has(id))) return Done{};
  const std::string path = path_of(id);
  const std::string folder = path.substr(0, path.rfind('/'));
  const std::string temporary = str(folder, "/.", unique_name(), ".tmp");
  const auto fill = [&]() -> Status {
    auto fd = open_file(temporary, O_WRONLY | O_CREAT | O_EXCL, 0644);
    if (!fd && fd.error().code == Code::kNotFound) {
      TRY(make_directories(folder));
      fd = open_file(temporary, O_WRONLY | O_CREAT | O_EXCL, 0644);
    }
    if (!fd) return fd.error();
    TRY(write_all(fd->get(), file));
    if (::rename(temporary.c_str(), path.c_str()) != 0) return system_error(errno, "cannot rename into place");
    return Done{};
  };
  if (const Status filled = fill(); !filled) {
    ::unlink(temporary.c_str());
    return filled.error().within(str("cannot store object ", id.brief(), " in ", printable(repository_)));
  }
  return Done{};
}

Result<bool> DirStore::has(const ObjectId& id) {
  struct stat info {};
  if (::stat(path_of(id).c_str(), &info) == 0) return true;
  if (errno == ENOENT) return false;
  return system_error(errno, "cannot look for object " + id.hex());
}

Status DirStore::sync() {
  const UniqueFd top = TRY(open_file(repository_, O_RDONLY | O_DIRECTORY));
  if (::syncfs(top.get()) != 0) return system_error(errno, "cannot sync " + printable(repository_));
  return Done{};
}

}  // namespace granary
