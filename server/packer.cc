#include "server/packer.h"

#include <cassert>

namespace granary {

Result<ContentTable::Number> Packer::add(const Digest& digest, ByteView bytes) {
  assert(bytes.size() < kLargeFileBytes);
  if (const auto number = contents_.find(digest); number != ContentTable::kNone) return number;
  if (bytes.empty()) return contents_.add({digest, 0, {}});
  if (known_ != nullptr) {
    if (auto slices = known_->find(digest)) return contents_.add({digest, bytes.size(), std::move(*slices)});
  }
  const auto number = contents_.add({digest, bytes.size(), {Slice{{}, 0, bytes.size()}}});
  if (together_ != nullptr && held_bytes_ + bytes.size() <= kMaxHeldBytes) {
    if (const auto place = together_->find(digest); place != together_->end()) {
      held_.emplace(place->second, Held{number, Bytes(bytes)});
      held_bytes_ += bytes.size();
      return number;
    }
  }
  TRY(append(number, bytes));
  return number;
}

Status Packer::append(ContentTable::Number number, ByteView bytes) {
  if (pack_.size() + bytes.size() > kPackBytes) TRY(close_pack());
  contents_.place_at(number, pack_.size());
  pack_.append(bytes);
  in_pack_.push_back(number);
  return Done{};
}

Status Packer::finish() {
  TRY(close_pack());
  for (const auto& [place, held] : held_) TRY(append(held.number, held.bytes));
  held_.clear();
  return close_pack();
}

Status Packer::close_pack() {
  if (pack_.empty()) return Done{};
  const ObjectId id = TRY(writer_.write(std::exchange(pack_, {})));
  for (const auto number : in_pack_) contents_.place(number, id);
  in_pack_.clear();
  return Done{};
}

}  // namespace granary
