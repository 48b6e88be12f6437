// WorkerChannel: what supervisor and worker say to each other: a pair of sockets that keep messages apart, each a word,
// a text and perhaps descriptors. Either end notices at once when the other is gone.
//   supervisor             worker
//   kStart ──────────────►             its plan, the memory that is kept, the request table
//          ◄────────────── kPrepared   it could serve: the snapshot is open (or kFailed, and it ends)
//   kServe ──────────────►             the device of the mount
//          ◄────────────── kServing    it answers
//   kYield ──────────────►             another one takes over: it ends
//          ◄────────────── kLeave      it was asked (SIGTERM) to end the mount
//          ◄────────────── kEnded      the mount was unmounted
// One thread at each end receives; sending is safe from many.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "fs/base/result.h"
#include "fs/base/unique_fd.h"

namespace granary {

class WorkerChannel {
 public:
  enum class Word : uint32_t { kStart = 1, kPrepared, kFailed, kServe, kServing, kYield, kLeave, kEnded };
  struct Message {
    Word word;
    std::string text;
    std::vector<UniqueFd> fds;
  };
  static constexpr size_t kMaxTextBytes = 4096;  // what is longer is cut off
  static constexpr size_t kMaxFds = 8;

  static Result<std::pair<WorkerChannel, WorkerChannel>> make();  // closed when a program is executed
  WorkerChannel() = default;
  explicit WorkerChannel(UniqueFd socket) : socket_(std::move(socket)) {}

  // kUnavailable: nobody is at the other end.
  Status send(Word word, const std::string& text = {}, const std::vector<int>& fds = {}) const;
  // Waits. Nothing: the other end is gone, or said what nobody understands.
  std::optional<Message> receive() const;

  int fd() const { return socket_.get(); }
  bool is_open() const { return socket_.valid(); }

 private:
  UniqueFd socket_;
};

}  // namespace granary
