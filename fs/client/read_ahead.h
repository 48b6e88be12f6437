// ReadAhead: asks for what will probably be read next, in three patterns:
//   a walk       files read in the order of the tree (tar, cp -r, grep -r): the packs that follow, across directories
//   a file       read from front to back: the chunks that follow; touched here and there (a program): all of it, or
//                what is near, when it is large
//   a directory  of which several files were read in any order (modules of a language): its other packs
// Nothing of it is in demand's way: objects are prefetched, and its own look-ups count as prefetches. A walk looks no
// further ahead than twice as far as it has come, and never further than 64 objects; what else was asked for in vain is
// bounded (kMaxUnreadBytes).
// What is cached already is only announced to the kernel, so that the disk works ahead of the reader.
//
// `touched` is for many threads and costs little; all else happens on a thread of its own. Borrows both; they outlive
// it.
#pragma once

#include <atomic>
#include <deque>
#include <map>
#include <optional>
#include <thread>
#include <unordered_map>

#include "fs/base/mutex.h"
#include "fs/client/hot_rows.h"
#include "fs/client/walk_cursor.h"
#include "fs/net/fetcher.h"

namespace granary {

struct ReadAheadStats {
  uint64_t asked = 0;  // objects asked for before anybody read them
  uint64_t used = 0;   // of them, how many were read since
};

class ReadAhead {
 public:
  // Plain bytes of files and directories asked for that nobody has read: never more than this beyond half of those
  // that were asked for and read. Every five seconds half of both is forgotten.
  static constexpr uint64_t kMaxUnreadBytes = uint64_t{32} << 20;

  ReadAhead(Catalog& catalog, Fetcher& fetcher);
  ~ReadAhead();

  // The bytes [offset, offset + size) of a file are being read, which lie in these slices (at least one).
  void touched(const Row& file, uint64_t offset_bytes, uint64_t size_bytes,
               const std::vector<Catalog::PlacedSlice>& slices);

  void hold(bool held) { held_.store(held, std::memory_order_relaxed); }

  // Looks no further. True once its thread waits for nothing any more, so that destroying it takes no time; false when
  // that is not so by the deadline: a source that hangs.
  bool stop(Deadline deadline);

  ReadAheadStats stats() const { return {asked_count_.load(), used_count_.load()}; }

 private:
  using Time = std::chrono::steady_clock::time_point;
  struct Touch {
    Row file;
    uint64_t offset_bytes;
    uint64_t size_bytes;
    std::vector<ObjectId> objects;
  };
  // An object that was asked for and not read yet.
  struct Asked {
    uint64_t walk;      // the walk that asked, or 0
    uint64_t position;  // within the walk
    uint64_t bytes;
    bool is_owed;  // counts in unread_bytes_
  };
  // One object on the way of a walk.
  struct Step {
    ObjectId object;
    uint64_t bytes;
    InodeNumber inode;  // the first file that lies in it
    bool is_large;
    uint64_t position = 0;  // once asked for
  };
  // A reader that goes through the tree, or may turn out to.
  struct Walk {
    InodeNumber last_inode = 0;               // the file it read last
    unsigned in_order = 0;                    // files that followed each other before we looked ahead
    std::optional<WalkCursor> cursor;         // ahead of the reader; none until it has shown that it walks
    std::deque<Step> steps;                   // found, not asked for yet
    ObjectId last_step;                       // the newest of them, so that a pack's files make one step
    InodeNumber frontier = 0;                 // the newest one's file
    std::deque<Step> asked_steps;             // asked for, the reader not far beyond
    uint64_t asked = 0;                       // positions given out
    uint64_t reached = 0;                     // the reader's
    uint64_t earned = 0;                      // read of what was asked for, less what was left behind
    bool takes_large = false;                 // the reader reads large files as well
    std::deque<InodeNumber> passed_large;     // left out so far
    std::optional<InodeNumber> unread_large;  // the first that was asked for and not read yet
    Time last_used;
  };
  struct FileReader {
    uint64_t next_bytes = 0;   // where it would go on
    uint64_t asked_bytes = 0;  // all before it has been asked for
    uint64_t window_bytes = 0;
    unsigned jumps = 0;
    bool whole = false;  // all of it has been asked for
  };
  struct DirectoryReader {
    unsigned objects = 0;
    bool gathered = false;
  };

  void run();
  std::optional<Touch> next();
  void follow(const Touch& touch);
  // The number of the walk that asked for the object, or 0.
  uint64_t confirm(const ObjectId& object);
  void forgive();

  void follow_file(const Touch& touch);
  void ask_around(const Entry& file, uint64_t at_bytes);
  void ask_range(const Entry& file, uint64_t from_bytes, uint64_t to_bytes);
  void follow_order(const Entry& file);
  void follow_directory(const Entry& file);

  Walk& new_walk();
  void look_ahead_of(Walk& walk, const Entry& file);
  void pass(Walk& walk, InodeNumber inode);
  bool let_go(const Step& step);
  void settle(const Asked& asked);
  void go_on(uint64_t number, Walk& walk);
  bool find_steps(Walk& walk);
  void add_steps(Walk& walk, const Entry& file);
  void note_large(const Entry& file);

  bool ask(const ObjectId& object, uint64_t bytes, uint64_t walk = 0, uint64_t position = 0);

  Catalog& catalog_;
  Fetcher& fetcher_;
  std::atomic<uint64_t> asked_count_{0};
  std::atomic<uint64_t> used_count_{0};
  std::atomic<bool> held_{false};
  std::atomic<uint64_t> last_object_{0};  // a digest's first bytes: most reads go on in the same object

  Mutex mutex_;
  std::condition_variable changed_;
  std::deque<Touch> touches_ GUARDED_BY(mutex_);
  bool stopping_ GUARDED_BY(mutex_) = false;
  bool has_stopped_ GUARDED_BY(mutex_) = false;

  // The thread's own.
  std::unordered_map<ObjectId, Asked> asked_;
  uint64_t unread_bytes_ = 0;
  uint64_t used_bytes_ = 0;
  Time forgiven_at_;
  std::map<uint64_t, Walk> walks_;
  uint64_t next_walk_ = 1;
  std::unordered_map<InodeNumber, FileReader> files_;
  std::unordered_map<InodeNumber, DirectoryReader> directories_;

  std::thread thread_;
};

}  // namespace granary
