#include "fs/fuse/request_table.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <algorithm>
#include <atomic>
#include <cerrno>

#include "fs/base/file.h"

namespace granary {

namespace {
constexpr size_t kSlotBytes = RequestTable::kRequestBytes + 64;  // zeros behind, so that every name ends
constexpr size_t kMaxInitBytes = 1024;
constexpr uint32_t kMaxOpcode = 4096;
}  // namespace

struct RequestTable::Shared {
  std::atomic<uint32_t> init_bytes;
  std::atomic<uint32_t> slots_used;  // none at or above this number was ever used
  char init[kMaxInitBytes];
  alignas(4096) char slots[kSlots][kSlotBytes];
};

std::optional<fuse_in_header> request_header(ByteView memory) {
  fuse_in_header header{};
  if (memory.size() < sizeof header) return std::nullopt;
  std::memcpy(&header, memory.data(), sizeof header);
  if (header.len < sizeof header || header.len > RequestTable::kRequestBytes || header.len > memory.size())
    return std::nullopt;
  if (header.opcode == 0 || header.opcode > kMaxOpcode || header.unique == 0) return std::nullopt;
  return header;
}

bool is_answered_by_nothing(uint32_t opcode) {
  return opcode == FUSE_FORGET || opcode == FUSE_BATCH_FORGET || opcode == FUSE_INTERRUPT ||
         opcode == FUSE_NOTIFY_REPLY;
}

Result<UniqueFd> RequestTable::make_memory() {
  UniqueFd fd(::memfd_create("granary-requests", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!fd.valid() || ::ftruncate(fd.get(), sizeof(Shared)) != 0 ||
      ::fcntl(fd.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0)
    return system_error(errno, "cannot make a memory for requests");
  return fd;
}

Result<std::unique_ptr<RequestTable>> RequestTable::adopt(UniqueFd memory) {
  struct stat info {};
  if (::fstat(memory.get(), &info) != 0 || !S_ISREG(info.st_mode) || info.st_size != sizeof(Shared))
    return Error{Code::kInvalid, "cannot use the last worker's requests: not such a memory"};
  void* const place = ::mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED, memory.get(), 0);
  if (place == MAP_FAILED) return system_error(errno, "cannot map the table of requests");
  return std::unique_ptr<RequestTable>(new RequestTable(std::move(memory), static_cast<Shared*>(place)));
}

RequestTable::~RequestTable() { ::munmap(shared_, sizeof(Shared)); }

std::optional<Bytes> RequestTable::init() const {
  const uint32_t size = std::min<uint32_t>(shared_->init_bytes.load(), kMaxInitBytes);
  const Bytes request(shared_->init, size);
  const auto header = request_header(request);
  if (!header || header->opcode != FUSE_INIT || header->len != size) return std::nullopt;
  return request;
}

void RequestTable::keep_init(ByteView request) {
  const size_t size = std::min(request.size(), kMaxInitBytes);
  std::memcpy(shared_->init, request.data(), size);
  shared_->init_bytes.store(static_cast<uint32_t>(size));
}

std::vector<uint32_t> RequestTable::take_over() {
  std::vector<std::pair<fuse_in_header, uint32_t>> found;
  const MutexLock lock(mutex_);
  const uint32_t used = std::min(shared_->slots_used.load(), kSlots);
  for (uint32_t slot = kSlots; slot-- > 0;) {
    const auto header = slot < used ? request_header({bytes(slot), kRequestBytes}) : std::nullopt;
    if (header) {
      found.emplace_back(*header, slot);
    } else {
      free_.push_back(slot);
    }
  }
  // An interruption comes after what it interrupts.
  std::sort(found.begin(), found.end(), [](const auto& a, const auto& b) {
    return std::pair(a.first.opcode == FUSE_INTERRUPT, a.first.unique) <
           std::pair(b.first.opcode == FUSE_INTERRUPT, b.first.unique);
  });
  std::vector<uint32_t> slots;
  for (const auto& [header, slot] : found) slots.push_back(slot);
  return slots;
}

uint32_t RequestTable::claim() {
  const uint32_t slot = take_free();
  // Both pages are there when the kernel writes: it gives up on a missing one if the reader is being killed.
  char* const at = bytes(slot);
  std::memset(at, 0, sizeof(fuse_in_header));
  volatile char* const last = at + kRequestBytes;
  *last = 0;
  return slot;
}

uint32_t RequestTable::take_free() {
  MutexLock lock(mutex_);
  while (free_.empty()) lock.wait(freed_);
  const uint32_t slot = free_.back();
  free_.pop_back();
  if (slot >= shared_->slots_used.load(std::memory_order_relaxed)) shared_->slots_used.store(slot + 1);
  return slot;
}

char* RequestTable::bytes(uint32_t slot) const { return shared_->slots[slot]; }

void RequestTable::expect_reply(uint32_t slot, uint64_t unique) {
  Replies& replies = replies_for(unique);
  const MutexLock lock(replies.mutex);
  replies.slots[unique] = slot;
}

void RequestTable::answered(uint64_t unique) {
  std::optional<uint32_t> slot;
  {
    Replies& replies = replies_for(unique);
    const MutexLock lock(replies.mutex);
    const auto found = replies.slots.find(unique);
    if (found == replies.slots.end()) return;
    slot = found->second;
    replies.slots.erase(found);
  }
  release(*slot);
}

void RequestTable::release(uint32_t slot) {
  std::memset(bytes(slot), 0, sizeof(uint32_t));
  const MutexLock lock(mutex_);
  free_.push_back(slot);
  freed_.notify_one();
}

std::vector<fuse_in_header> RequestTable::unanswered_in(int memory) {
  std::vector<fuse_in_header> out;
  const auto used = read_at(memory, offsetof(Shared, slots_used), sizeof(uint32_t));
  if (!used || used->size() != sizeof(uint32_t)) return out;
  uint32_t count = 0;
  std::memcpy(&count, used->data(), sizeof count);
  for (uint32_t slot = 0; slot < std::min(count, kSlots); ++slot) {
    const auto bytes = read_at(memory, static_cast<off_t>(offsetof(Shared, slots) + slot * kSlotBytes), kRequestBytes);
    const auto header = bytes ? request_header(*bytes) : std::nullopt;
    if (header) out.push_back(*header);
  }
  return out;
}

}  // namespace granary
