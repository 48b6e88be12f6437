#include "fs/client/offline_copy.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <vector>

#include "fs/base/file.h"
#include "fs/base/log.h"
#include "fs/base/owner.h"
#include "fs/format/head_bundle.h"

namespace granary {

namespace {
const std::string kHead = "head.json";
}  // namespace

std::optional<Bytes> OfflineCopy::head() const {
  const ActingAsOwner acting(directory_);
  auto bytes = read_file(directory_ + "/" + kHead, kMaxHeadBytes);
  return bytes ? std::optional(*std::move(bytes)) : std::nullopt;
}

void OfflineCopy::keep_head(ByteView head) const { keep(kHead, head); }

std::optional<Bytes> OfflineCopy::object(const ObjectId& id) const {
  const ActingAsOwner acting(directory_);
  const std::string path = directory_ + "/" + id.hex();
  auto bytes = read_file(path, kMaxObjectBytes);
  if (!bytes || ObjectId::of(*bytes) != id) return std::nullopt;
  ::utimensat(AT_FDCWD, path.c_str(), nullptr, 0);  // wanted again
  return *std::move(bytes);
}

void OfflineCopy::keep_object(const ObjectId& id, ByteView bytes) const {
  if (object(id)) return;
  keep(id.hex(), bytes);
  remove_old_objects();
}

void OfflineCopy::keep(const std::string& name, ByteView bytes) const {
  const ActingAsOwner acting(directory_);
  const std::string path = directory_ + "/" + name;
  const auto before = read_file(path, bytes.size());
  if (before && ByteView(*before) == bytes) return;
  Status kept = make_directories(directory_, 0700);
  if (kept) kept = replace_file(path, bytes, 0600, Durability::kDurable);
  if (!kept) log::warn("nothing is kept for a start without network", {{"cause", kept.error().message}});
}

void OfflineCopy::remove_old_objects() const {
  namespace files = std::filesystem;
  const ActingAsOwner acting(directory_);
  std::error_code failure;
  std::vector<std::pair<files::file_time_type, files::path>> objects;
  for (const auto& entry : files::directory_iterator(directory_, failure)) {
    if (entry.path().filename() != kHead) objects.emplace_back(entry.last_write_time(failure), entry.path());
  }
  std::sort(objects.begin(), objects.end());
  for (size_t i = 0; i + kMostObjects < objects.size(); ++i) files::remove(objects[i].second, failure);
}

}  // namespace granary
