// Each thread writes its own slot, guarded by a sequence number that is odd while it does (a seqlock); a reader that
// meets a change looks again.
#include "fs/base/activity.h"

#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <atomic>

namespace granary {

namespace {
constexpr int kMostLooks = 4;
constexpr auto kRelaxed = std::memory_order_relaxed;

struct Frame {
  std::atomic<const char*> what{nullptr};
  std::atomic<uint64_t> number{0};
  std::atomic<int64_t> since_ns{0};
  std::atomic<bool> has_object{false};
  std::array<std::atomic<uint64_t>, Digest::kSizeBytes / 8> object{};
};

struct alignas(64) Slot {
  std::atomic<bool> taken{false};
  std::atomic<pid_t> thread{0};
  std::atomic<uint32_t> sequence{0};
  std::atomic<uint32_t> depth{0};  // also counts what does not fit
  std::array<Frame, ScopedActivity::kDepth> frames;
};

Slot slots[ScopedActivity::kThreads];
std::atomic<size_t> slots_used{0};  // none beyond has ever been taken

// This thread's slot, given back when the thread ends; nothing when there are too many threads.
class OwnSlot {
 public:
  OwnSlot() {
    for (size_t i = 0; i < ScopedActivity::kThreads; ++i) {
      if (slots[i].taken.load(kRelaxed) || slots[i].taken.exchange(true)) continue;
      slot_ = &slots[i];
      slot_->thread.store(this_thread(), kRelaxed);
      size_t used = slots_used.load();
      while (used <= i && !slots_used.compare_exchange_weak(used, i + 1)) {
      }
      return;
    }
  }
  ~OwnSlot() {
    if (slot_ == nullptr) return;
    slot_->depth.store(0, kRelaxed);
    slot_->taken.store(false);
    slot_ = nullptr;
  }
  Slot* get() const { return slot_; }

 private:
  Slot* slot_ = nullptr;
};

Slot* own_slot() {
  thread_local OwnSlot own;
  return own.get();
}

// While it lives, readers see that the slot changes.
class Change {
 public:
  explicit Change(Slot& slot) : slot_(slot), before_(slot.sequence.load(kRelaxed)) {
    slot_.sequence.store(before_ + 1, kRelaxed);
    std::atomic_thread_fence(std::memory_order_release);
  }
  ~Change() { slot_.sequence.store(before_ + 2, std::memory_order_release); }

 private:
  Slot& slot_;
  const uint32_t before_;
};

Activity activity_in(const Frame& frame) {
  Activity out;
  out.what = frame.what.load(kRelaxed);
  out.number = frame.number.load(kRelaxed);
  out.since = ScopedActivity::Time(std::chrono::nanoseconds(frame.since_ns.load(kRelaxed)));
  if (!frame.has_object.load(kRelaxed)) return out;
  uint64_t words[Digest::kSizeBytes / 8];
  for (size_t i = 0; i < std::size(words); ++i) words[i] = frame.object[i].load(kRelaxed);
  if (auto digest = Digest::from_raw({reinterpret_cast<const char*>(words), sizeof words})) out.object = *digest;
  return out;
}

bool look_at(const Slot& slot, BusyThread& out) {
  for (int look = 0; look < kMostLooks; ++look) {
    const uint32_t before = slot.sequence.load(std::memory_order_acquire);
    if (before % 2 != 0) continue;
    out.thread = slot.thread.load(kRelaxed);
    out.activities.clear();
    const uint32_t depth = slot.depth.load(kRelaxed);
    for (uint32_t i = 0; i < depth && i < ScopedActivity::kDepth; ++i)
      out.activities.push_back(activity_in(slot.frames[i]));
    std::atomic_thread_fence(std::memory_order_acquire);
    if (slot.sequence.load(kRelaxed) == before) return !out.activities.empty();
  }
  return false;  // it moves: it does not hang
}
}  // namespace

ScopedActivity::ScopedActivity(const char* what, uint64_t number, const Digest& object, Time since) {
  Slot* const slot = own_slot();
  if (slot == nullptr) return;
  const Change change(*slot);
  const uint32_t depth = slot->depth.load(kRelaxed);
  slot->depth.store(depth + 1, kRelaxed);
  if (depth >= kDepth) return;
  Frame& frame = slot->frames[depth];
  frame.what.store(what, kRelaxed);
  frame.number.store(number, kRelaxed);
  frame.since_ns.store(std::chrono::nanoseconds(since.time_since_epoch()).count(), kRelaxed);
  frame.has_object.store(!object.is_none(), kRelaxed);
  if (object.is_none()) return;
  for (size_t i = 0; i < frame.object.size(); ++i) {
    uint64_t word = 0;
    std::memcpy(&word, object.raw().data() + i * sizeof word, sizeof word);
    frame.object[i].store(word, kRelaxed);
  }
}

ScopedActivity::~ScopedActivity() {
  Slot* const slot = own_slot();
  if (slot == nullptr) return;
  const Change change(*slot);
  slot->depth.store(slot->depth.load(kRelaxed) - 1, kRelaxed);
}

std::vector<BusyThread> busy_threads() {
  std::vector<BusyThread> out;
  BusyThread busy;
  const size_t used = slots_used.load();
  for (size_t i = 0; i < used; ++i) {
    if (slots[i].taken.load(kRelaxed) && look_at(slots[i], busy)) out.push_back(busy);
  }
  return out;
}

namespace {
thread_local Digest waited_for;
}  // namespace

void note_waited_for(const Digest& object) { waited_for = object; }
Digest take_waited_for() { return std::exchange(waited_for, Digest()); }

pid_t this_thread() {
  thread_local const auto number = static_cast<pid_t>(::syscall(SYS_gettid));
  return number;
}

}  // namespace granary
