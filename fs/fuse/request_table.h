// RequestTable: the requests of the kernel that have been read and not yet answered, in memory that outlives the worker
// (a memory file that the supervisor holds), each in a slot of its own into which read(2) puts it. A slot says by the
// length that begins every request (docs of fuse(4): struct fuse_in_header) whether it holds one: it is emptied before
// a read, filled by the kernel in that read, and emptied again once the reply is written. So whatever the moment at
// which a worker is killed, the next finds every request that it owes an answer, and at most a few that were answered
// already: the kernel refuses a second reply (ENOENT) and takes no harm. It also keeps the kernel's FUSE_INIT, the
// first request of a mount, from which each worker learns what the first one was told. Nothing in it is believed: a
// damaged table costs requests, never more. Safe from many threads; one process at a time, from `take_over` to its end.
#pragma once

#include <linux/fuse.h>

#include <array>
#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

#include "fs/base/bytes.h"
#include "fs/base/mutex.h"
#include "fs/base/unique_fd.h"

namespace granary {

// The header of a request in foreign memory; nothing when there is none, or one that cannot be.
std::optional<fuse_in_header> request_header(ByteView memory);
// Requests that get no reply.
bool is_answered_by_nothing(uint32_t opcode);

class RequestTable {
 public:
  // What read(2) of the device must be offered at least; enough for every request of a read-only filesystem.
  static constexpr size_t kRequestBytes = FUSE_MIN_READ_BUFFER;
  static constexpr uint32_t kSlots = 16384;

  // Empty.
  static Result<UniqueFd> make_memory();
  // A table in memory that `make_memory` made. The process before may be at work in it until `take_over`.
  //   kInvalid  not such a memory
  static Result<std::unique_ptr<RequestTable>> adopt(UniqueFd memory);
  ~RequestTable();

  // The FUSE_INIT request, once there was one.
  std::optional<Bytes> init() const;
  void keep_init(ByteView request);

  // Once, when the process before has ended, and before any slot is claimed: what it left unanswered, oldest first, in
  // slots that this process now owes. All others are free.
  std::vector<uint32_t> take_over();

  // An empty slot for the next request; waits while there is none.
  uint32_t claim();
  char* bytes(uint32_t slot) const;  // kRequestBytes of them, and a zero behind
  // The slot holds a request whose reply is to come: `answered` frees it.
  void expect_reply(uint32_t slot, uint64_t unique);
  // The reply to a request was written, or refused.
  void answered(uint64_t unique);
  // The slot's request is not, or will not be, answered.
  void release(uint32_t slot);

  // For the supervisor, when nobody else answers: the requests in a table, from its memory alone.
  static std::vector<fuse_in_header> unanswered_in(int memory);

 private:
  struct Shared;
  struct Replies {
    Mutex mutex;
    std::unordered_map<uint64_t, uint32_t> slots GUARDED_BY(mutex);
  };

  RequestTable(UniqueFd memory, Shared* shared) : memory_(std::move(memory)), shared_(shared) {}
  uint32_t take_free();
  Replies& replies_for(uint64_t unique) { return replies_[(unique >> 1) % replies_.size()]; }

  const UniqueFd memory_;
  Shared* const shared_;
  Mutex mutex_;
  std::condition_variable freed_;
  std::vector<uint32_t> free_ GUARDED_BY(mutex_);  // the lowest last
  std::array<Replies, 16> replies_;
};

}  // namespace granary
