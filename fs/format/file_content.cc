#include "fs/format/file_content.h"

#include <algorithm>

namespace granary {

namespace {
Status zeros(uint64_t length_bytes, const FileContent::Take& take) {
  static const Bytes kZeros(64 << 10, '\0');
  for (uint64_t left = length_bytes; left > 0;) {
    const uint64_t now = std::min<uint64_t>(left, kZeros.size());
    TRY(take(ByteView(kZeros).substr(0, now)));
    left -= now;
  }
  return Done{};
}
}  // namespace

Status FileContent::read_slice(const Slice& slice, const Take& take) {
  if (slice.is_hole()) return zeros(slice.length_bytes, take);
  if (slice.object != last_id_ || last_ == nullptr) {
    last_ = TRY(objects_.read(slice.object));
    last_id_ = slice.object;
  }
  if (slice.offset_bytes + slice.length_bytes > last_->size())
    return Error{Code::kCorrupt, str("a slice reaches beyond object ", slice.object)};
  return take(ByteView(*last_).substr(slice.offset_bytes, slice.length_bytes));
}

// A window at a time, so that a file of many slices is not listed whole.
Status FileContent::read(const Entry& file, const Take& take) {
  constexpr uint64_t kWindowBytes = uint64_t{64} << 20;
  for (uint64_t at = 0; at < file.node.size_bytes;) {
    const uint64_t window = std::min(kWindowBytes, file.node.size_bytes - at);
    const uint64_t end = at + window;
    for (const auto& placed : TRY(catalog_.slices(file, at, window))) {
      Slice slice = placed.slice;
      const uint64_t from = std::max(placed.start_bytes, at);
      const uint64_t to = std::min(placed.start_bytes + slice.length_bytes, end);
      slice.offset_bytes += from - placed.start_bytes;
      slice.length_bytes = to - from;
      TRY(read_slice(slice, take));
    }
    at = end;
  }
  return Done{};
}

Result<Bytes> read_whole_file(Catalog& catalog, ObjectReader& objects, ByteView path, uint64_t limit_bytes) {
  const Entry file = TRY(catalog.resolve(path));
  if (!file.node.is_file()) return Error{Code::kInvalid, str("/", printable(path), " is no regular file")};
  if (file.node.size_bytes > limit_bytes)
    return Error{Code::kEndlessData, str("/", printable(path), " has ", file.node.size_bytes, " bytes")};
  Bytes bytes;
  TRY(FileContent(catalog, objects).read(file, [&](ByteView piece) -> Status {
    bytes += piece;
    return Done{};
  }));
  return bytes;
}

}  // namespace granary
