#include "fs/client/kept_snapshot.h"

namespace granary {

namespace {
constexpr std::string_view kKind = "granary kept snapshot 1";
// What is so, in one byte.
constexpr uint8_t kTrusted = 1;
constexpr uint8_t kUnknownFreshness = 2;
constexpr uint8_t kOffline = 4;
}  // namespace

std::string kept_snapshot(const ResolvedSnapshot& resolved) {
  const bool is_unknown = resolved.freshness == Freshness::kUnknown;
  ByteWriter out;
  out.string(kKind).string(resolved.repository).string(resolved.repository_name).string(resolved.url);
  out.string(resolved.id.raw()).string(resolved.snapshot.serialise());
  out.string(resolved.selector).string(resolved.branch).string(resolved.tag).u64(resolved.revision);
  out.u8(resolved.stale_since.has_value()).i64(resolved.stale_since.value_or(0));
  out.u8(resolved.withdrawn.has_value());
  if (resolved.withdrawn) out.string(resolved.withdrawn->reason).i64(resolved.withdrawn->time);
  const int what_is_so =
      (resolved.trusted ? kTrusted : 0) | (is_unknown ? kUnknownFreshness : 0) | (resolved.is_offline ? kOffline : 0);
  return out.u8(static_cast<uint8_t>(what_is_so)).take();
}

Result<ResolvedSnapshot> parse_kept_snapshot(ByteView bytes) {
  const Error invalid{Code::kInvalid, "what the last worker kept is no snapshot"};
  ByteReader in(bytes);
  if (in.string() != kKind) return invalid;
  ResolvedSnapshot out;
  out.repository = in.string();
  out.repository_name = in.string();
  out.url = in.string();
  const auto id = SnapshotId::from_raw(in.string());
  const Bytes snapshot(in.string());
  out.selector = in.string();
  out.branch = in.string();
  out.tag = in.string();
  out.revision = in.u64();
  const bool is_stale = in.u8() != 0;
  const UnixSeconds stale_since = in.i64();
  if (is_stale) out.stale_since = stale_since;
  if (in.u8() != 0) {
    out.withdrawn.emplace();
    out.withdrawn->reason = in.string();
    out.withdrawn->time = in.i64();
  }
  const uint8_t what_is_so = in.u8();
  out.trusted = (what_is_so & kTrusted) != 0;
  if ((what_is_so & kUnknownFreshness) != 0) out.freshness = Freshness::kUnknown;
  if (is_stale) out.freshness = Freshness::kStale;
  out.is_offline = (what_is_so & kOffline) != 0;
  if (!in.ok() || !in.at_end() || !id) return invalid;
  out.id = *id;
  out.snapshot = TRY(Snapshot::parse(snapshot));
  return out;
}

}  // namespace granary
