// SharedUsage: how many bytes a cache directory holds, known to all processes that use it: a mapped page of atomic
// counters. Safe from many threads and processes.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

#include "fs/base/result.h"

namespace granary {

class SharedUsage {
 public:
  // Maps the file, makes it when it is missing or no such page; `is_new` says that nothing has been counted yet.
  // The caller holds the lock that keeps other openers out.
  static Result<std::unique_ptr<SharedUsage>> open(const std::string& path, bool& is_new);
  ~SharedUsage();
  SharedUsage(const SharedUsage&) = delete;
  SharedUsage& operator=(const SharedUsage&) = delete;

  uint64_t used_bytes() const { return page_->used_bytes.load(); }
  // Adds `size_bytes` if the sum stays within `quota_bytes`; false, and nothing done, otherwise.
  bool reserve(uint64_t size_bytes, uint64_t quota_bytes);
  void release(uint64_t size_bytes);
  void set(uint64_t used_bytes) { page_->used_bytes = used_bytes; }

  // A number that grows whenever anybody evicts.
  uint64_t evictions() const { return page_->evictions.load(); }
  void count_eviction() { ++page_->evictions; }

 private:
  struct Page {
    uint64_t magic;
    std::atomic<uint64_t> used_bytes;
    std::atomic<uint64_t> evictions;
  };
  static_assert(std::atomic<uint64_t>::is_always_lock_free);

  explicit SharedUsage(Page* page) : page_(page) {}
  Page* const page_;
};

}  // namespace granary
