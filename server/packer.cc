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
  if (pack_.size() + bytes.size() > kPackBytes) TRY(close_pack());
  const auto number = contents_.add({digest, bytes.size(), {Slice{{}, pack_.size(), bytes.size()}}});
  pack_.append(bytes);
  in_pack_.push_back(number);
  return number;
}

Status Packer::finish() { return close_pack(); }

Status Packer::close_pack() {
  if (pack_.empty()) return Done{};
  const ObjectId id = TRY(writer_.write(std::exchange(pack_, {})));
  for (const auto number : in_pack_) contents_.place(number, id);
  in_pack_.clear();
  return Done{};
}

}  // namespace granary
