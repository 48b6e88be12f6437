// ParkedRequests: the requests of the kernel that wait for bytes, none of them with a thread. Each is answered once: by
// whoever claims its ticket first, the bytes' arrival or the reader's interruption. What is known of each (RequestNote)
// goes along with it. Safe from many threads.
#pragma once

#include <algorithm>
#include <unordered_map>
#include <vector>

#include "fs/base/mutex.h"
#include "fs/fuse/request_watch.h"

namespace granary {

class ParkedRequests {
 public:
  using Ticket = uintptr_t;

  // `inode`: which the kernel may hold a lock of until this is answered; 0: none.
  Ticket park(fuse_req_t request, uint64_t inode) {
    const RequestNote note = RequestWatch::note_of(request);
    const MutexLock lock(mutex_);
    requests_.emplace(++last_, Parked{note, inode});
    if (inode != 0) ++inodes_[inode];
    return last_;
  }

  // Whether a request that was parked with it still waits.
  bool has(uint64_t inode) const {
    const MutexLock lock(mutex_);
    return inodes_.contains(inode);
  }

  // What it waits for, if it still does.
  void waits_for(Ticket ticket, const Digest& object) {
    const MutexLock lock(mutex_);
    if (const auto place = requests_.find(ticket); place != requests_.end()) place->second.note.object = object;
  }

  // True for the one who is to answer, on this very thread.
  bool claim(Ticket ticket) {
    const MutexLock lock(mutex_);
    RequestNote note;
    if (!remove(ticket, note)) return false;
    RequestWatch::go_on(note);
    tell_if_empty();
    return true;
  }

  // A claim by one who may have to park the request again: until it ends, there is something left to wait for.
  class Turn {
   public:
    Turn(ParkedRequests& parked, Ticket ticket) : parked_(parked), is_ours_(parked.begin_turn(ticket, note_)) {}
    ~Turn() {
      if (is_ours_) parked_.end_turn();
    }
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;
    explicit operator bool() const { return is_ours_; }
    const RequestNote& note() const { return note_; }

   private:
    ParkedRequests& parked_;
    RequestNote note_;
    const bool is_ours_;
  };

  size_t count() const {
    const MutexLock lock(mutex_);
    return requests_.size();
  }

  // Those that came before `time`, the oldest first, at most `at_most`.
  std::vector<RequestNote> older_than(RequestNote::Time time, size_t at_most) const {
    std::vector<RequestNote> out;
    {
      const MutexLock lock(mutex_);
      for (const auto& [ticket, parked] : requests_) {
        if (parked.note.since < time) out.push_back(parked.note);
      }
    }
    std::sort(out.begin(), out.end(), [](const auto& a, const auto& b) { return a.since < b.since; });
    if (out.size() > at_most) out.resize(at_most);
    return out;
  }

  // False when `deadline` passed before all were answered.
  template <class TimePoint>
  bool wait_until_empty(TimePoint deadline) {
    MutexLock lock(mutex_);
    while (!is_empty()) {
      if (!lock.wait_until(empty_, deadline)) return is_empty();
    }
    return true;
  }

 private:
  struct Parked {
    RequestNote note;
    uint64_t inode;
  };

  bool remove(Ticket ticket, RequestNote& note) REQUIRES(mutex_) {
    const auto found = requests_.find(ticket);
    if (found == requests_.end()) return false;
    const auto inode = inodes_.find(found->second.inode);
    if (inode != inodes_.end() && --inode->second == 0) inodes_.erase(inode);
    note = found->second.note;
    requests_.erase(found);
    return true;
  }
  bool begin_turn(Ticket ticket, RequestNote& note) {
    const MutexLock lock(mutex_);
    const bool first = remove(ticket, note);
    if (first) ++turns_;
    return first;
  }
  void end_turn() {
    const MutexLock lock(mutex_);
    --turns_;
    tell_if_empty();
  }
  bool is_empty() const REQUIRES(mutex_) { return requests_.empty() && turns_ == 0; }
  void tell_if_empty() REQUIRES(mutex_) {
    if (is_empty()) empty_.notify_all();
  }

  mutable Mutex mutex_;
  std::condition_variable empty_;
  std::unordered_map<Ticket, Parked> requests_ GUARDED_BY(mutex_);
  std::unordered_map<uint64_t, size_t> inodes_ GUARDED_BY(mutex_);
  Ticket last_ GUARDED_BY(mutex_) = 0;
  size_t turns_ GUARDED_BY(mutex_) = 0;
};

}  // namespace granary
