// Every touch of another object than the last one becomes an event. Where a touch is what a walk asked for, the walk
// goes on, twice as far ahead as it has come. Otherwise it may continue a reader that we know: of a large file, by its
// offset; of the tree, by the inode number, which grows in the tree's order (within one publish; the walk itself goes
// by names); of a directory. The third event in order begins a walk, the third of anything else takes in the rest of
// the file or the directory.
#include "fs/client/read_ahead.h"

#include <fcntl.h>

#include <algorithm>
#include <cstring>
#include <unordered_set>

#include "fs/format/packing.h"

namespace granary {

namespace {
constexpr size_t kMaxTouches = 1024;
constexpr uint64_t kMinWindowBytes = 1 << 20;
constexpr uint64_t kMaxWindowBytes = 8 << 20;
constexpr uint64_t kMaxWholeFileBytes = 16 << 20;
constexpr uint64_t kMaxWholeAtOnceBytes = 512 << 10;  // comes as a whole at the first touch
constexpr uint64_t kTailBytes = 64 << 10;             // of others, the end: where loaders of programs look next
constexpr uint64_t kAroundBytes = 1 << 20;
constexpr unsigned kJumpsBeforeAll = 3;  // the end is one of them
constexpr unsigned kTouchesBeforeAll = 3;
constexpr unsigned kInOrderBeforeWalk = 2;
constexpr InodeNumber kNextInOrder = 512;  // a pack holds far fewer files
constexpr uint64_t kMinAhead = 4;          // objects
constexpr uint64_t kMaxAhead = 64;
constexpr size_t kMaxWalks = 16;
constexpr size_t kMaxReaders = 256;
constexpr size_t kMaxAsked = 16384;
constexpr size_t kMaxLarge = 256;
constexpr size_t kDirectoryObjects = 8;
constexpr size_t kDirectoryEntries = 2048;
constexpr std::chrono::seconds kForgiveEvery{5};

bool is_large(const Entry& file) { return file.node.size_bytes >= kLargeFileBytes; }

uint64_t mark_of(const ObjectId& object) {
  uint64_t mark = 0;
  std::memcpy(&mark, object.raw().data(), sizeof mark);
  return mark;
}

// A cached object is on the disk, perhaps not in memory.
void announce(const Result<ObjectHandle>& object) {
  if (object && object->fd() >= 0) ::posix_fadvise(object->fd(), 0, 0, POSIX_FADV_WILLNEED);
}

template <class Reader>
Reader& reader_of(std::unordered_map<InodeNumber, Reader>& readers, InodeNumber inode) {
  if (readers.size() >= kMaxReaders && readers.count(inode) == 0) readers.clear();
  return readers[inode];
}
}  // namespace

ReadAhead::ReadAhead(Catalog& catalog, Fetcher& fetcher)
    : catalog_(catalog),
      fetcher_(fetcher),
      forgiven_at_(std::chrono::steady_clock::now()),
      thread_([this] { run(); }) {}

ReadAhead::~ReadAhead() {
  stop({});
  thread_.join();
}

bool ReadAhead::stop(Deadline deadline) {
  MutexLock lock(mutex_);
  stopping_ = true;
  changed_.notify_all();
  while (!has_stopped_) {
    if (!lock.wait_until(changed_, deadline)) return has_stopped_;
  }
  return true;
}

void ReadAhead::touched(const Row& file, uint64_t offset_bytes, uint64_t size_bytes,
                        const std::vector<Catalog::PlacedSlice>& slices) {
  if (held_.load(std::memory_order_relaxed)) return;
  const uint64_t mark = mark_of(slices.back().slice.object);
  if (last_object_.exchange(mark, std::memory_order_relaxed) == mark) return;
  std::vector<ObjectId> objects;
  for (const auto& placed : slices) {
    if (!placed.slice.is_hole()) objects.push_back(placed.slice.object);
  }
  const MutexLock lock(mutex_);
  if (touches_.size() >= kMaxTouches) return;
  touches_.push_back({file, offset_bytes, size_bytes, std::move(objects)});
  changed_.notify_all();
}

void ReadAhead::run() {
  const ScopedPriority prefetching(Priority::kPrefetch);
  while (const auto touch = next()) follow(*touch);
  const MutexLock lock(mutex_);
  has_stopped_ = true;
  changed_.notify_all();
}

// Nothing when it is to stop.
std::optional<ReadAhead::Touch> ReadAhead::next() {
  MutexLock lock(mutex_);
  while (touches_.empty() && !stopping_) lock.wait(changed_);
  if (stopping_) return std::nullopt;
  Touch touch = std::move(touches_.front());
  touches_.pop_front();
  return touch;
}

void ReadAhead::follow(const Touch& touch) {
  forgive();
  uint64_t number = 0;
  for (const ObjectId& object : touch.objects) {
    if (const uint64_t walk = confirm(object); walk != 0) number = walk;
  }
  const Entry& file = *touch.file;
  if (is_large(file)) note_large(file);
  const auto expected = walks_.find(number);
  if (expected != walks_.end()) {
    expected->second.last_inode = std::max(expected->second.last_inode, file.inode);
    go_on(number, expected->second);
  }
  if (is_large(file)) follow_file(touch);
  if (expected != walks_.end() || touch.offset_bytes > 0) return;
  follow_order(file);
  if (!is_large(file)) follow_directory(file);
}

void ReadAhead::forgive() {
  const Time now = std::chrono::steady_clock::now();
  if (now - forgiven_at_ < kForgiveEvery) return;
  forgiven_at_ = now;
  unread_bytes_ /= 2;
  used_bytes_ /= 2;
}

// Takes back the debt of an object that was asked for and is read now.
uint64_t ReadAhead::confirm(const ObjectId& object) {
  const auto place = asked_.find(object);
  if (place == asked_.end()) return 0;
  const Asked asked = place->second;
  asked_.erase(place);
  settle(asked);
  used_bytes_ += asked.bytes;
  ++used_count_;
  const auto walk = walks_.find(asked.walk);
  if (walk == walks_.end()) return 0;
  walk->second.earned = std::min(walk->second.earned + 1, kMaxAhead);
  walk->second.reached = std::max(walk->second.reached, asked.position);
  walk->second.last_used = std::chrono::steady_clock::now();
  return asked.walk;
}

bool ReadAhead::ask(const ObjectId& object, uint64_t bytes, uint64_t walk, uint64_t position) {
  if (walk == 0 && unread_bytes_ + bytes > kMaxUnreadBytes + used_bytes_ / 2) return false;
  if (asked_.size() >= kMaxAsked) asked_.clear();
  const auto [place, is_new] = asked_.try_emplace(object, Asked{walk, position, bytes, walk == 0});
  if (!is_new && walk != 0) place->second = Asked{walk, position, place->second.bytes, place->second.is_owed};
  if (!is_new) return true;
  if (walk == 0) unread_bytes_ += bytes;
  ++asked_count_;
  fetcher_.fetch(object, Priority::kPrefetch, announce);
  return true;
}

// --- a large file -----------------------------------------------------------------------------------------------

void ReadAhead::follow_file(const Touch& touch) {
  const Entry& file = *touch.file;
  FileReader& reader = reader_of(files_, file.inode);
  if (reader.whole) return;
  const uint64_t size = file.node.size_bytes;
  const bool is_first = reader.next_bytes == 0;
  const bool goes_on = !is_first && touch.offset_bytes >= reader.next_bytes &&
                       touch.offset_bytes <= reader.next_bytes + reader.window_bytes + kLargeFileBytes;
  reader.next_bytes = touch.offset_bytes + touch.size_bytes;
  if (is_first && size > kMaxWholeAtOnceBytes) return ask_range(file, size - kTailBytes, size);
  if (!goes_on) {
    reader.window_bytes = 0;
    reader.asked_bytes = 0;
    ++reader.jumps;
    if (size > kMaxWholeAtOnceBytes && reader.jumps < kJumpsBeforeAll) return;
    if (size > kMaxWholeFileBytes) return ask_around(file, touch.offset_bytes);
    reader.whole = true;
    ask_range(file, reader.next_bytes, size);
    return ask_range(file, 0, touch.offset_bytes);
  }
  reader.window_bytes = std::clamp(2 * reader.window_bytes, kMinWindowBytes, kMaxWindowBytes);
  const uint64_t from = std::max(reader.asked_bytes, reader.next_bytes);
  const uint64_t to = std::min(reader.next_bytes + reader.window_bytes, size);
  if (from >= to) return;
  reader.asked_bytes = to;
  ask_range(file, from, to);
}

// Of a program that is too large to come as a whole, what is near: code that runs together lies together.
void ReadAhead::ask_around(const Entry& file, uint64_t at_bytes) {
  const uint64_t from = at_bytes - std::min(at_bytes, kAroundBytes / 2);
  ask_range(file, at_bytes, std::min(at_bytes + kAroundBytes, file.node.size_bytes));
  ask_range(file, from, at_bytes);
}

void ReadAhead::ask_range(const Entry& file, uint64_t from_bytes, uint64_t to_bytes) {
  if (from_bytes >= to_bytes) return;
  const auto placed = catalog_.slices(file, from_bytes, to_bytes - from_bytes);
  if (!placed) return;  // whoever reads it will be told
  for (const auto& [start, slice] : *placed) {
    if (!slice.is_hole() && !ask(slice.object, slice.length_bytes)) return;
  }
}

// --- the tree ---------------------------------------------------------------------------------------------------

// A file that no walk expected: it goes on with the walk that was just before it, or is the first of another.
void ReadAhead::follow_order(const Entry& file) {
  for (auto& [number, walk] : walks_) {
    if (file.inode <= walk.last_inode || file.inode - walk.last_inode > kNextInOrder) continue;
    walk.last_inode = file.inode;
    walk.last_used = std::chrono::steady_clock::now();
    if (++walk.in_order < kInOrderBeforeWalk) return;
    if (!walk.cursor || file.inode > walk.frontier) look_ahead_of(walk, file);
    pass(walk, file.inode);
    return go_on(number, walk);
  }
  new_walk().last_inode = file.inode;
}

ReadAhead::Walk& ReadAhead::new_walk() {
  if (walks_.size() >= kMaxWalks) {
    walks_.erase(std::min_element(walks_.begin(), walks_.end(), [](const auto& a, const auto& b) {
      return a.second.last_used < b.second.last_used;
    }));
  }
  Walk& walk = walks_[next_walk_++];
  walk.last_used = std::chrono::steady_clock::now();
  return walk;
}

// From behind this file on; how far ahead, it has earned before.
void ReadAhead::look_ahead_of(Walk& walk, const Entry& file) {
  walk.cursor.emplace(catalog_, file.parent, file.name);
  walk.steps.clear();
  walk.unread_large.reset();
  walk.last_step = file.slices.empty() ? ObjectId() : file.slices.back().object;
  walk.frontier = file.inode;
  walk.asked = walk.reached;
  if (is_large(file)) walk.takes_large = true;
}

// The reader is at this file, whatever it read on the way.
void ReadAhead::pass(Walk& walk, InodeNumber inode) {
  for (const Step& step : walk.asked_steps) {
    if (step.inode >= inode) break;
    walk.reached = std::max(walk.reached, step.position);
  }
}

// What the reader has left behind is no longer expected. True when it left it unread.
bool ReadAhead::let_go(const Step& step) {
  const auto place = asked_.find(step.object);
  if (place == asked_.end() || place->second.position != step.position) return false;
  settle(place->second);
  asked_.erase(place);
  return true;
}

void ReadAhead::settle(const Asked& asked) {
  if (asked.is_owed) unread_bytes_ -= std::min(unread_bytes_, asked.bytes);
}

void ReadAhead::go_on(uint64_t number, Walk& walk) {
  while (!walk.asked_steps.empty() && walk.asked_steps.front().position + kMinAhead < walk.reached) {
    if (let_go(walk.asked_steps.front())) walk.earned -= std::min<uint64_t>(walk.earned, 2);
    walk.asked_steps.pop_front();
  }
  if (walk.unread_large && *walk.unread_large < walk.last_inode) {  // the reader left it out
    walk.takes_large = false;
    walk.unread_large.reset();
  }
  const uint64_t ahead = std::clamp(2 * walk.earned, kMinAhead, kMaxAhead);
  if (walk.asked > walk.reached + ahead / 2) return;  // a few at a time
  while (walk.asked < walk.reached + ahead) {
    if (walk.steps.empty() && !find_steps(walk)) return;
    Step& step = walk.steps.front();
    step.position = walk.asked + 1;
    if (!ask(step.object, step.bytes, number, step.position)) return;
    ++walk.asked;
    if (step.is_large && !walk.unread_large) walk.unread_large = step.inode;
    walk.asked_steps.push_back(step);
    walk.steps.pop_front();
  }
}

// False at the end of the tree, or when the catalog does not answer.
bool ReadAhead::find_steps(Walk& walk) {
  while (walk.steps.empty() && walk.cursor) {
    const auto files = walk.cursor->next();
    if (!files || files->empty()) {
      walk.cursor.reset();
      break;
    }
    for (const Entry& file : *files) add_steps(walk, file);
  }
  return !walk.steps.empty();
}

void ReadAhead::add_steps(Walk& walk, const Entry& file) {
  const bool large = is_large(file);
  if (large && !walk.takes_large) {
    walk.passed_large.push_back(file.inode);
    if (walk.passed_large.size() > kMaxLarge) walk.passed_large.pop_front();
    return;
  }
  const auto placed = catalog_.slices(file, 0, large ? kMaxWindowBytes : file.node.size_bytes);
  if (!placed) return;
  for (const auto& [start, slice] : *placed) {
    if (slice.is_hole() || slice.object == walk.last_step) continue;
    walk.last_step = slice.object;
    walk.frontier = std::max(walk.frontier, file.inode);
    walk.steps.push_back({slice.object, large ? slice.length_bytes : 2 * kLargeFileBytes, file.inode, large});
  }
}

// A large file is read: a walk that left it out begins anew behind it, and takes in the next ones.
void ReadAhead::note_large(const Entry& file) {
  for (auto& [number, walk] : walks_) {
    if (walk.unread_large == file.inode) walk.unread_large.reset();
    const auto passed = std::find(walk.passed_large.begin(), walk.passed_large.end(), file.inode);
    if (passed == walk.passed_large.end()) continue;
    walk.passed_large.clear();
    walk.last_inode = file.inode;
    look_ahead_of(walk, file);
    go_on(number, walk);
  }
}

// --- a directory ------------------------------------------------------------------------------------------------

void ReadAhead::follow_directory(const Entry& file) {
  DirectoryReader& reader = reader_of(directories_, file.parent);
  if (reader.gathered || ++reader.objects < kTouchesBeforeAll) return;
  reader.gathered = true;
  std::unordered_set<ObjectId> objects;
  size_t seen = 0;
  const auto gather = [&](Entry&& entry) {
    if (entry.node.is_file() && !is_large(entry)) {
      for (const Slice& slice : entry.slices) {
        if (!slice.is_hole() && objects.insert(slice.object).second && !ask(slice.object, 2 * kLargeFileBytes))
          return false;
      }
    }
    return objects.size() < kDirectoryObjects && ++seen < kDirectoryEntries;
  };
  (void)catalog_.list(file.parent, {}, gather);
}

}  // namespace granary
