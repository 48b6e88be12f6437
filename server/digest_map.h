// DigestMap: values by digest, in one flat table, because a repository may have tens of millions of objects. A digest
// is as good a hash as any; the none digest marks an empty slot and cannot be a key. One thread.
#pragma once

#include <vector>

#include "fs/base/digest.h"

namespace granary {

template <class Value>
class DigestMap {
 public:
  size_t size() const { return size_; }

  // The value of `key`, made if it is not there; and whether it was made.
  std::pair<Value*, bool> insert(const Digest& key) {
    if ((size_ + 1) * 4 > slots_.size() * 3) grow();
    Slot& slot = slots_[place_of(key)];
    if (slot.key == key) return {&slot.value, false};
    slot.key = key;
    ++size_;
    return {&slot.value, true};
  }
  // Null when it is not there.
  Value* find(const Digest& key) {
    if (slots_.empty()) return nullptr;
    Slot& slot = slots_[place_of(key)];
    return slot.key == key ? &slot.value : nullptr;
  }
  bool contains(const Digest& key) const { return const_cast<DigestMap*>(this)->find(key) != nullptr; }

  template <class Visit>
  void each(const Visit& visit) {
    for (Slot& slot : slots_) {
      if (!slot.key.is_none()) visit(slot.key, slot.value);
    }
  }

 private:
  struct Slot {
    Digest key;
    [[no_unique_address]] Value value{};
  };

  size_t place_of(const Digest& key) const {
    size_t place = std::hash<Digest>()(key) & (slots_.size() - 1);
    while (!slots_[place].key.is_none() && slots_[place].key != key) place = (place + 1) & (slots_.size() - 1);
    return place;
  }

  void grow() {
    std::vector<Slot> old(slots_.empty() ? 64 : slots_.size() * 2);
    old.swap(slots_);
    for (Slot& slot : old) {
      if (!slot.key.is_none()) slots_[place_of(slot.key)] = std::move(slot);
    }
  }

  std::vector<Slot> slots_;
  size_t size_ = 0;
};

struct Nothing {};

class DigestSet {
 public:
  // Whether it was not there yet.
  bool insert(const Digest& digest) { return map_.insert(digest).second; }
  bool contains(const Digest& digest) const { return map_.contains(digest); }
  size_t size() const { return map_.size(); }

 private:
  DigestMap<Nothing> map_;
};

}  // namespace granary
