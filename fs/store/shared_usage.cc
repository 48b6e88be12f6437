#include "fs/store/shared_usage.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <functional>
#include <thread>

#include "fs/base/file.h"

namespace granary {

namespace {
constexpr uint64_t kMagic = 0x3245474153554752;  // "RGUSAGE2"
constexpr const char* kName = "usage";
constexpr std::chrono::seconds kPatience{1};

uint64_t fnv(ByteView bytes) {
  uint64_t hash = 0xcbf29ce484222325;
  for (const char c : bytes) hash = (hash ^ static_cast<uint8_t>(c)) * 0x100000001b3;
  return hash;
}

// After a power cut the file may be older than the objects beside it.
uint64_t this_boot() {
  static const uint64_t kBoot = [] {
    const auto id = read_file("/proc/sys/kernel/random/boot_id", 256);
    return id ? fnv(*id) : 0;
  }();
  return kBoot;
}

Bytes serialise(const SharedUsage::Numbers& numbers) {
  ByteWriter out;
  out.u64(kMagic).u64(this_boot()).u64(numbers.used_bytes).u64(numbers.removals).u64(numbers.counts);
  const uint64_t sum = fnv(out.view());
  return out.u64(sum).take();
}

Result<SharedUsage::Numbers> parse(ByteView file) {
  ByteReader in(file);
  const uint64_t magic = in.u64();
  const uint64_t boot = in.u64();
  const SharedUsage::Numbers numbers{in.u64(), in.u64(), in.u64()};
  const bool is_whole = in.u64() == fnv(file.substr(0, file.size() - std::min<size_t>(file.size(), 8))) && in.ok() &&
                        in.at_end() && magic == kMagic;
  if (!is_whole || boot != this_boot()) return Error{Code::kCorrupt, "what the cache holds has to be counted anew"};
  return numbers;
}

// The file, open and locked. Root leaves it to the owner of the directory.
Result<UniqueFd> open_locked(int directory) {
  UniqueFd fd;
  do fd.reset(::openat(directory, kName, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600));
  while (!fd.valid() && errno == EINTR);
  const bool is_no_file = errno == ELOOP || errno == EISDIR || errno == ENXIO;
  if (!fd.valid() && is_no_file) return Error{Code::kCorrupt, "the cache's usage is no file"};
  if (!fd.valid()) return system_error(errno, "cannot open the cache's usage");
  struct stat info {
  }, owner{};
  if (::fstat(fd.get(), &info) != 0 || ::fstat(directory, &owner) != 0) return system_error(errno, "cannot look at it");
  if (!S_ISREG(info.st_mode)) return Error{Code::kCorrupt, "the cache's usage is no file"};
  if (info.st_uid != owner.st_uid && ::geteuid() == 0)
    static_cast<void>(::fchown(fd.get(), owner.st_uid, owner.st_gid) == 0);
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  for (auto pause = std::chrono::microseconds(20); ::flock(fd.get(), LOCK_EX | LOCK_NB) != 0;) {
    if (errno != EWOULDBLOCK && errno != EINTR) return system_error(errno, "cannot lock the cache's usage");
    if (std::chrono::steady_clock::now() > deadline)
      return Error{Code::kBusy, "another process keeps the cache's usage locked"};
    std::this_thread::sleep_for(pause);
    pause = std::min(pause * 2, std::chrono::microseconds(2000));
  }
  return fd;
}

Result<SharedUsage::Numbers> read_from(const UniqueFd& fd) { return parse(TRY(read_at(fd.get(), 0, 256))); }

Status write_to(const UniqueFd& fd, const SharedUsage::Numbers& numbers) {
  const Bytes file = serialise(numbers);
  TRY_WITHIN("cannot write the cache's usage", write_all_at(fd.get(), 0, file));
  struct stat info {};
  const bool is_longer = ::fstat(fd.get(), &info) == 0 && static_cast<size_t>(info.st_size) > file.size();
  if (is_longer && ::ftruncate(fd.get(), static_cast<off_t>(file.size())) != 0)
    return system_error(errno, "cannot shorten the cache's usage");
  return Done{};
}

Result<SharedUsage::Numbers> change(int directory, const std::function<Status(SharedUsage::Numbers&)>& how) {
  const UniqueFd fd = TRY(open_locked(directory));
  SharedUsage::Numbers numbers = TRY(read_from(fd));
  TRY(how(numbers));
  TRY(write_to(fd, numbers));
  return numbers;
}
}  // namespace

// Unlocked: so little is written in one step.
Result<SharedUsage::Numbers> SharedUsage::read() const {
  const UniqueFd fd(::openat(directory_, kName, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!fd.valid() && (errno == ENOENT || errno == ELOOP))
    return Error{Code::kCorrupt, "what the cache holds has not been counted"};
  if (!fd.valid()) return system_error(errno, "cannot open the cache's usage");
  struct stat info {};
  if (::fstat(fd.get(), &info) != 0) return system_error(errno, "cannot look at the cache's usage");
  if (!S_ISREG(info.st_mode)) return Error{Code::kCorrupt, "the cache's usage is no file"};
  return read_from(fd);
}

Result<SharedUsage::Reservation> SharedUsage::reserve(uint64_t size_bytes, uint64_t quota_bytes) {
  const UniqueFd fd = TRY(open_locked(directory_));
  Reservation reservation;
  reservation.numbers = TRY(read_from(fd));
  uint64_t& used_bytes = reservation.numbers.used_bytes;
  if (size_bytes > quota_bytes || used_bytes > quota_bytes - size_bytes) return reservation;
  used_bytes += size_bytes;
  TRY(write_to(fd, reservation.numbers));
  reservation.fits = true;
  return reservation;
}

Result<SharedUsage::Numbers> SharedUsage::release(uint64_t size_bytes) {
  return change(directory_, [&](Numbers& numbers) -> Status {
    numbers.used_bytes -= std::min(numbers.used_bytes, size_bytes);
    return Done{};
  });
}

Status SharedUsage::count_removal() {
  TRY(change(directory_, [&](Numbers& numbers) -> Status { return ++numbers.removals, Done{}; }));
  return Done{};
}

// Opens it for writing, so that nobody counts for nothing on a disk that refuses.
Result<SharedUsage::Beginning> SharedUsage::begin_count() {
  const auto fd = open_locked(directory_);
  if (!fd && fd.error().code != Code::kCorrupt) return fd.error();
  const auto numbers = fd ? read_from(*fd) : Result<Numbers>(fd.error());
  return Beginning{numbers.has_value(), numbers.value_or(Numbers{})};
}

Result<SharedUsage::Numbers> SharedUsage::finish_count(const Beginning& beginning, uint64_t counted_bytes) {
  auto fd = open_locked(directory_);
  if (!fd && fd.error().code == Code::kCorrupt) {
    ::renameat(directory_, kName, directory_, "tmp/usage");  // a symbolic link, a pipe, a directory: cleared there
    fd = open_locked(directory_);
  }
  if (!fd) return fd.error();
  const auto now = read_from(*fd);
  if (now && (!beginning.was_valid || now->counts != beginning.numbers.counts)) return *now;
  Numbers numbers = now.value_or(Numbers{});
  const uint64_t reserved =
      now && now->used_bytes > beginning.numbers.used_bytes ? now->used_bytes - beginning.numbers.used_bytes : 0;
  numbers.used_bytes = counted_bytes + reserved;
  ++numbers.counts;
  ++numbers.removals;  // whoever has files open looks whether they are still there
  TRY(write_to(*fd, numbers));
  return numbers;
}

}  // namespace granary
