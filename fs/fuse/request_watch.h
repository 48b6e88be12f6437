// RequestWatch: follows every request of the kernel from the thread that takes it to the answer, wherever that is
// given, and counts and traces it. RequestNote is what is known of one.
//
// A request is noted by the thread that takes it (Taken), which mostly answers it too: a hit. A parked one carries its
// note along (ParkedRequests) until somebody goes on with it (go_on). The answers (replies.h) find the note by the
// thread: a thread deals with one request at a time. No locks; what is not noted is answered uncounted.
#pragma once

#include <chrono>
#include <string_view>

#include "fs/base/activity.h"
#include "fs/client/operation_metrics.h"
#include "fs/client/operation_trace.h"
#include "fs/fuse/lowlevel.h"

namespace granary {

class RequestWatch;

struct RequestNote {
  using Time = std::chrono::steady_clock::time_point;

  RequestWatch* watch = nullptr;
  fuse_req_t request = nullptr;
  Operation operation = Operation::kOther;
  OperationMetrics::Wait wait = OperationMetrics::Wait::kHit;
  uint8_t name_bytes = 0;
  pid_t thread = 0;  // that took it
  uint64_t inode = 0;
  uint64_t offset_bytes = 0;
  uint64_t size_bytes = 0;
  Time since;
  Digest object;                                 // what it waits for; none: not known
  char name[TracedOperation::kMostNameBytes]{};  // its end

  std::string_view name_view() const { return {name, name_bytes}; }
};

class RequestWatch {
 public:
  // Borrows both.
  RequestWatch(OperationMetrics& metrics, OperationTrace& trace) : metrics_(metrics), trace_(trace) {}

  // While the thread that took a request from the kernel deals with it.
  class Taken {
   public:
    Taken(RequestWatch& watch, fuse_req_t request, Operation operation, uint64_t inode, std::string_view name = {},
          uint64_t offset_bytes = 0, uint64_t size_bytes = 0)
        : since_(RequestNote::Time::clock::now()), activity_(name_of(operation), inode, {}, since_) {
      RequestNote& note = current();
      note.watch = &watch;
      note.request = request;
      note.operation = operation;
      note.wait = OperationMetrics::Wait::kHit;
      note.thread = this_thread();
      note.inode = inode;
      note.offset_bytes = offset_bytes;
      note.size_bytes = size_bytes;
      note.since = since_;
      const std::string_view end = name.substr(name.size() - std::min(name.size(), sizeof note.name));
      note.name_bytes = static_cast<uint8_t>(end.size());
      std::copy(end.begin(), end.end(), note.name);
    }
    ~Taken() { current().request = nullptr; }

   private:
    const RequestNote::Time since_;
    const ScopedActivity activity_;
  };

  // What is known of a request that is about to be parked by this thread.
  static RequestNote note_of(fuse_req_t request) {
    if (current().request == request) return current();
    RequestNote unknown;
    unknown.request = request;
    unknown.since = RequestNote::Time::clock::now();
    return unknown;
  }
  // This thread goes on with a request that was parked; or has not let go of it yet.
  static void go_on(const RequestNote& note) {
    if (current().request == note.request) return;
    current() = note;
    current().wait = OperationMetrics::Wait::kMiss;
  }

  // Around an answer given by this thread. `result`: bytes, or a negative errno.
  class Answer {
   public:
    Answer(fuse_req_t request, int64_t result) : is_noted_(current().request == request), result_(result) {}
    ~Answer() {
      if (is_noted_) finish(result_);
    }
    Answer(const Answer&) = delete;
    Answer& operator=(const Answer&) = delete;

   private:
    const bool is_noted_;
    const int64_t result_;
  };

 private:
  static RequestNote& current() {
    thread_local RequestNote note;
    return note;
  }
  static void finish(int64_t result);
  void trace(const RequestNote& note, std::chrono::nanoseconds took, int64_t result);

  OperationMetrics& metrics_;
  OperationTrace& trace_;
};

}  // namespace granary
