#include "fs/store/pins.h"

#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <ctime>
#include <memory>

#include "fs/base/crash_point.h"
#include "fs/base/file.h"
#include "fs/base/log.h"
#include "fs/store/eviction_lock.h"

namespace granary {

namespace {
constexpr std::string_view kMagic = "GRNPIN1\n";
constexpr size_t kMaxPinBytes = size_t{128} << 20;
constexpr size_t kMaxPathBytes = 65536;
constexpr size_t kObjectBytes = Digest::kSizeBytes + 8;
constexpr uint64_t kBlockBytes = 4096;
constexpr int64_t kTickNs = 1'000'000'000;  // no file system's clock is coarser, but for FAT's
constexpr std::chrono::seconds kLockPatience{20};
constexpr std::string_view kSuffix = ".pin";

Error damaged(const std::string& why) { return {Code::kCorrupt, "not a pin: " + why}; }

int64_t now_ns() {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  return now.tv_sec * int64_t{1'000'000'000} + now.tv_nsec;
}

// The names of a directory's pin files; nothing when there is no such directory.
Result<std::vector<std::string>> pin_files(const std::string& directory) {
  std::vector<std::string> names;
  const std::unique_ptr<DIR, int (*)(DIR*)> open(::opendir(directory.c_str()), &::closedir);
  if (open == nullptr && errno == ENOENT) return names;
  if (open == nullptr) return system_error(errno, "cannot read " + printable(directory));
  while (const dirent* entry = ::readdir(open.get())) {
    const std::string name = entry->d_name;
    if (name.ends_with(kSuffix)) names.push_back(name);  // others are on their way in
  }
  std::sort(names.begin(), names.end());
  return names;
}
}  // namespace

uint64_t blocks_for(uint64_t size_bytes) {
  return std::max<uint64_t>(1, (size_bytes + kBlockBytes - 1) / kBlockBytes) * kBlockBytes;
}

Bytes Pin::serialise() const {
  ByteWriter out;
  out.bytes(kMagic).string(repository).string(path).bytes(snapshot.raw()).i64(time).u64(objects.size());
  for (const PinnedObject& object : objects) out.bytes(object.id.raw()).u64(object.size_bytes);
  const Digest digest = Digest::of(out.view());
  return out.bytes(digest.raw()).take();
}

Result<Pin> Pin::parse(ByteView file) {
  if (file.size() < kMagic.size() + Digest::kSizeBytes) return damaged("too short");
  const ByteView body = file.substr(0, file.size() - Digest::kSizeBytes);
  if (Digest::of(body).raw() != file.substr(body.size())) return damaged("its bytes are not as they were written");
  ByteReader in(body);
  if (in.bytes(kMagic.size()) != kMagic) return damaged("of another kind, or of a newer version");
  Pin pin;
  pin.repository = Bytes(in.string());
  pin.path = Bytes(in.string());
  const ByteView snapshot = in.bytes(Digest::kSizeBytes);
  pin.time = in.i64();
  const uint64_t count = in.u64();
  if (!in.ok() || pin.path.size() > kMaxPathBytes) return damaged("it ends too early");
  if (count != in.remaining() / kObjectBytes || in.remaining() % kObjectBytes != 0)
    return damaged("its objects are not as many as it says");
  pin.snapshot = TRY(Digest::from_raw(snapshot));
  pin.objects.reserve(count);
  for (uint64_t i = 0; i < count; ++i) {
    const ObjectId id = TRY(Digest::from_raw(in.bytes(Digest::kSizeBytes)));
    const uint64_t size_bytes = in.u64();
    if (size_bytes > kMaxObjectBytes) return damaged("an object is larger than any can be");
    pin.objects.push_back({id, size_bytes});
  }
  return pin;
}

std::string PinBook::file_of(const Pin& pin) const {
  ByteWriter key;
  key.string(pin.repository).string(pin.path).bytes(pin.snapshot.raw());
  return str(directory_, "/", Digest::of(key.view()).hex().substr(0, 32), kSuffix);
}

Result<PinBook::Contents> PinBook::read() const {
  Contents contents;
  for (const std::string& name : TRY(pin_files(directory_))) {
    const std::string path = directory_ + "/" + name;
    const auto file = read_file(path, kMaxPinBytes);
    if (!file && file.error().code == Code::kNotFound) continue;  // removed meanwhile
    auto pin = file ? Pin::parse(*file) : Result<Pin>(file.error());
    if (pin) {
      contents.pins.push_back(*std::move(pin));
    } else {
      contents.damaged.push_back(path);
    }
  }
  std::stable_sort(contents.pins.begin(), contents.pins.end(),
                   [](const Pin& a, const Pin& b) { return a.path < b.path; });
  return contents;
}

Status PinBook::write(const Pin& pin) const {
  TRY(make_directories(directory_, 0700));
  // An eviction under way may not know of the pin.
  const FileLock no_evictions =
      TRY_WITHIN("cannot keep the pin", wait_for_eviction_lock(eviction_lock_, kLockPatience));
  crash_point("pin-before-write");
  TRY_WITHIN("cannot keep the pin", replace_file(file_of(pin), pin.serialise(), 0600, Durability::kDurable));
  crash_point("pin-after-write");
  return Done{};
}

Status PinBook::remove(const Pin& pin) const {
  crash_point("unpin-before-remove");
  const std::string file = file_of(pin);
  if (::unlink(file.c_str()) != 0) return system_error(errno, "cannot remove the pin " + printable(file));
  return sync_directory(directory_);
}

void PinnedSet::refresh() {
  struct stat info {};
  const bool exists = ::stat(directory_.c_str(), &info) == 0;
  const int64_t changed_ns = info.st_mtim.tv_sec * int64_t{1'000'000'000} + info.st_mtim.tv_nsec;
  const Stamp stamp = exists ? Stamp{changed_ns, info.st_ino} : Stamp{};
  if (stamp == seen_ && (is_settled_ || !exists)) return;
  seen_ = stamp;
  is_settled_ = now_ns() - changed_ns > kTickNs;
  const auto contents = book_.read();
  if (!contents) return log::warn("pins cannot be read", {{"cause", contents.error().message}});
  sizes_.clear();
  bytes_ = pins_ = 0;
  for (const Pin& pin : contents->pins) {
    ++pins_;
    for (const PinnedObject& object : pin.objects) {
      if (sizes_.emplace(object.id, object.size_bytes).second) bytes_ += blocks_for(object.size_bytes);
    }
  }
  for (const std::string& file : contents->damaged) {
    const bool is_known = std::find(damaged_.begin(), damaged_.end(), file) != damaged_.end();
    if (!is_known) log::warn("pin damaged", {{"file", file}, {"action", "ignored; remove it and pin again"}});
  }
  damaged_ = contents->damaged;
}

}  // namespace granary
