#include "fs/client/kept_snapshots.h"

#include <algorithm>

#include "fs/client/kept_snapshot.h"

namespace granary {

namespace {
constexpr std::string_view kKind = "granary served snapshots 1";

Result<ResolvedSnapshot> read_one(ByteReader& in) { return parse_kept_snapshot(in.string()); }
}  // namespace

Result<KeptSnapshots> KeptSnapshots::parse(ByteView bytes) {
  const Error invalid{Code::kInvalid, "what the last worker kept are no snapshots"};
  ByteReader in(bytes);
  if (in.string() != kKind) return invalid;
  KeptSnapshots out;
  out.following = in.string();
  if (in.u8() != 0) {
    const auto forgetting = SnapshotId::from_raw(in.string());
    if (!forgetting) return invalid;
    out.forgetting = *forgetting;
  }
  out.current = TRY(read_one(in));
  const uint64_t count = in.u64();
  if (!in.ok() || count > kMaxFormer) return invalid;
  for (uint64_t i = 0; i < count; ++i) {
    out.former.push_back(TRY(read_one(in)));
    if (out.former.back().repository != out.current.repository) return invalid;
  }
  if (!in.ok() || !in.at_end()) return invalid;
  return out;
}

Bytes KeptSnapshots::serialise() const {
  std::vector<std::string> list;
  size_t size_bytes = kRoomForTheRest + current.snapshot.message.size();
  for (const ResolvedSnapshot& one : former) {
    std::string text = kept_snapshot(one);
    size_bytes += text.size() + sizeof(uint64_t);
    if (size_bytes > kMaxBytes || list.size() == kMaxFormer) break;
    list.push_back(std::move(text));
  }
  ByteWriter out;
  out.string(kKind).string(following).u8(forgetting.has_value());
  if (forgetting) out.string(forgetting->raw());
  out.string(kept_snapshot(current)).u64(list.size());
  for (const std::string& text : list) out.string(text);
  return out.take();
}

}  // namespace granary
