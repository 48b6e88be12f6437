#include "fs/client/snapshot_selector.h"

#include <algorithm>
#include <charconv>

#include "fs/base/digest.h"

namespace granary {

namespace {
constexpr size_t kMinIdDigits = 6;
constexpr uint64_t kMaxGenerations = 1'000'000;

bool is_hex(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

Result<uint64_t> parse_generations(std::string_view digits) {
  uint64_t value = 0;
  const auto [end, failure] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (failure != std::errc() || end != digits.data() + digits.size() || value > kMaxGenerations)
    return Error{Code::kInvalid, str("after ~ comes a number, not \"", printable(digits), "\"")};
  return value;
}
}  // namespace

Result<SnapshotSelector> SnapshotSelector::parse(std::string_view text, Kind kind) {
  SnapshotSelector out;
  out.kind = kind;
  const std::string whole(text);
  if (const size_t tilde = text.rfind('~'); tilde != std::string_view::npos) {
    out.generations_back =
        TRY_WITHIN("cannot name a snapshot by \"" + printable(whole) + "\"", parse_generations(text.substr(tilde + 1)));
    text = text.substr(0, tilde);
  }
  if (const size_t at = text.find('@'); at != std::string_view::npos) {
    if (kind == Kind::kTag || kind == Kind::kSnapshot)
      return Error{Code::kInvalid, "only a branch has dates: \"" + printable(whole) + "\""};
    out.date = TRY(parse_utc(text.substr(at + 1)));
    out.kind = Kind::kBranch;
    text = text.substr(0, at);
  }
  if (text.empty()) return Error{Code::kInvalid, "a snapshot without a name: \"" + printable(whole) + "\""};
  if (kind == Kind::kSnapshot && (!is_hex(text) || text.size() < kMinIdDigits || text.size() > 2 * Digest::kSizeBytes))
    return Error{Code::kInvalid, str("not a snapshot id: \"", printable(text), "\" (", kMinIdDigits,
                                     " to 64 lower-case hexadecimal digits)")};
  out.name = std::string(text);
  return out;
}

std::string SnapshotSelector::text() const {
  std::string out = name;
  if (date) out += "@" + format_utc(*date);
  if (generations_back > 0) out += str("~", generations_back);
  return out;
}

bool SnapshotSelector::is_complete_id() const {
  return kind != Kind::kBranch && kind != Kind::kTag && name.size() == 2 * Digest::kSizeBytes && is_hex(name);
}

}  // namespace granary
