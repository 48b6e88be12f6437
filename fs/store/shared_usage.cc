#include "fs/store/shared_usage.h"

#include <fcntl.h>
#include <sys/mman.h>

#include <cerrno>

#include "fs/base/file.h"

namespace granary {

namespace {
constexpr size_t kPageBytes = 4096;
constexpr uint64_t kMagic = 0x3145474153554752;  // "RGUSAGE1"
}  // namespace

Result<std::unique_ptr<SharedUsage>> SharedUsage::open(const std::string& path, bool& is_new) {
  const UniqueFd fd = TRY(open_file(path, O_RDWR | O_CREAT | O_NOFOLLOW, 0600));
  const Bytes before = TRY(read_at(fd.get(), 0, kPageBytes));
  uint64_t magic = 0;
  if (before.size() == kPageBytes) std::memcpy(&magic, before.data(), sizeof magic);
  is_new = magic != kMagic;
  if (is_new) {
    // Written, not just made longer: touching a mapped hole on a full disk would kill us.
    Bytes page(kPageBytes, '\0');
    std::memcpy(page.data(), &kMagic, sizeof kMagic);
    TRY_WITHIN("cannot write " + printable(path), write_all_at(fd.get(), 0, page));
  }
  void* const page = ::mmap(nullptr, kPageBytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd.get(), 0);
  if (page == MAP_FAILED) return system_error(errno, "cannot map " + printable(path));
  return std::unique_ptr<SharedUsage>(new SharedUsage(static_cast<Page*>(page)));
}

SharedUsage::~SharedUsage() { ::munmap(page_, kPageBytes); }

bool SharedUsage::reserve(uint64_t size_bytes, uint64_t quota_bytes) {
  uint64_t used = page_->used_bytes.load();
  do {
    if (size_bytes > quota_bytes || used > quota_bytes - size_bytes) return false;
  } while (!page_->used_bytes.compare_exchange_weak(used, used + size_bytes));
  return true;
}

void SharedUsage::release(uint64_t size_bytes) {
  uint64_t used = page_->used_bytes.load();
  while (!page_->used_bytes.compare_exchange_weak(used, used > size_bytes ? used - size_bytes : 0)) {
  }
}

}  // namespace granary
