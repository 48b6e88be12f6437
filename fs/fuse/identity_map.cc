#include "fs/fuse/identity_map.h"

#include <grp.h>
#include <pwd.h>

#include <algorithm>
#include <charconv>
#include <limits>

#include "fs/format/posix_acl.h"

namespace granary {

namespace {
constexpr IdentityNumber kNobodyAtAll = std::numeric_limits<IdentityNumber>::max();  // (uid_t)-1: no change
constexpr size_t kNameBufferBytes = 65536;
constexpr uint32_t kSetuid = 04000;
constexpr uint32_t kSetgid = 02000;
constexpr std::string_view kBlank = " \t\r";

std::optional<IdentityNumber> parse_number(std::string_view text) {
  IdentityNumber number = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failure != std::errc() || end != text.data() + text.size() || number == kNobodyAtAll) return std::nullopt;
  return number;
}

Result<IdentityNumber> parse_one(std::string_view text, const ResolveName& resolve) {
  if (const auto number = parse_number(text)) return *number;
  const bool may_be_a_name = !text.empty() && (text[0] < '0' || text[0] > '9') && text[0] != '-';
  if (may_be_a_name) {
    if (const auto number = resolve(std::string(text))) return *number;
  }
  return Error{Code::kInvalid, "nobody of this machine, and not a number: \"" + printable(text) + "\""};
}

// The first word, which is taken away.
std::string_view take_word(std::string_view& text, std::string_view ends) {
  text.remove_prefix(std::min(text.find_first_not_of(kBlank), text.size()));
  const std::string_view word = text.substr(0, text.find_first_of(ends));
  text.remove_prefix(word.size());
  return word;
}
}  // namespace

std::optional<IdentityNumber> find_user(const std::string& name) {
  std::string buffer(kNameBufferBytes, '\0');
  passwd entry{};
  passwd* found = nullptr;
  if (::getpwnam_r(name.c_str(), &entry, buffer.data(), buffer.size(), &found) != 0 || found == nullptr) return {};
  return found->pw_uid;
}

std::optional<IdentityNumber> find_group(const std::string& name) {
  std::string buffer(kNameBufferBytes, '\0');
  group entry{};
  group* found = nullptr;
  if (::getgrnam_r(name.c_str(), &entry, buffer.data(), buffer.size(), &found) != 0 || found == nullptr) return {};
  return found->gr_gid;
}

Result<IdentityMap> IdentityMap::parse(ByteView text, const ResolveName& resolve) {
  IdentityMap out;
  while (!text.empty()) {
    const size_t end = std::min(text.find_first_of("\n;,"), text.size());
    std::string_view pair = text.substr(0, end);
    pair.remove_prefix(std::min(pair.find_first_not_of(kBlank), pair.size()));
    const bool is_comment = pair.starts_with('#');
    const size_t next = is_comment ? std::min(text.find('\n'), text.size()) : end;
    text.remove_prefix(std::min(next + 1, text.size()));
    if (pair.empty() || is_comment) continue;
    TRY_WITHIN("\"" + printable(pair) + "\"", out.add(pair, resolve));
    if (out.ranges_.size() > kMaxPairs) return Error{Code::kInvalid, str("more than ", kMaxPairs, " pairs")};
  }
  return out;
}

Status IdentityMap::add(std::string_view pair, const ResolveName& resolve) {
  const std::string_view from = take_word(pair, " \t\r:");
  const size_t gap = std::min(pair.find_first_not_of(" \t\r:"), pair.size());
  pair.remove_prefix(gap);
  const std::string_view to_word = take_word(pair, kBlank);
  if (from.empty() || to_word.empty() || pair.find_first_not_of(kBlank) != std::string_view::npos)
    return Error{Code::kInvalid, "expected \"FROM TO\" or \"FIRST-LAST TO\""};
  const IdentityNumber to = TRY(parse_one(to_word, resolve));
  if (from == "*") {
    if (otherwise_) return Error{Code::kInvalid, "says \"*\" a second time"};
    otherwise_ = to;
    return Done{};
  }
  const size_t dash = from.find('-');
  const auto low = dash == std::string_view::npos ? std::nullopt : parse_number(from.substr(0, dash));
  const auto high = low ? parse_number(from.substr(dash + 1)) : std::nullopt;  // else a name with a dash
  const IdentityNumber first = low && high ? *low : TRY(parse_one(from, resolve));
  const IdentityNumber last = high.value_or(first);
  if (last < first) return Error{Code::kInvalid, "the range ends before it begins"};
  if (last - first >= kNobodyAtAll - to) return Error{Code::kInvalid, "the range leads beyond the largest number"};
  const auto after = ranges_.upper_bound(last);
  if (after != ranges_.begin() && std::prev(after)->second.last >= first)
    return Error{Code::kInvalid, "overlaps with another pair"};
  ranges_[first] = {last, to};
  return Done{};
}

std::string IdentityMap::text() const {
  std::string out;
  for (const auto& [first, range] : ranges_) {
    out += out.empty() ? "" : ";";
    out += range.last == first ? str(first, ":", range.to) : str(first, "-", range.last, ":", range.to);
  }
  if (otherwise_) out += str(out.empty() ? "" : ";", "*:", *otherwise_);
  return out;
}

IdentityNumber IdentityMap::operator()(IdentityNumber from) const {
  const auto after = ranges_.upper_bound(from);
  if (after != ranges_.begin()) {
    const auto& [first, range] = *std::prev(after);
    if (from <= range.last) return range.to + (from - first);
  }
  return otherwise_.value_or(from);
}

Identities::Owner Identities::owner_of(IdentityNumber from_user, IdentityNumber from_group, uint32_t mode,
                                       bool is_directory) const {
  const Owner out{owner.value_or(users(from_user)), group.value_or(groups(from_group)), mode};
  uint32_t lost = 0;
  if (out.user != from_user && !is_directory) lost |= kSetuid;
  if (out.group != from_group && !is_directory) lost |= kSetgid;
  return {out.user, out.group, mode & ~lost};
}

Bytes Identities::acl(ByteView value) const {
  auto entries = decode_acl(value);
  if (!entries) return Bytes(value);
  for (AclEntry& entry : *entries) {
    if (entry.tag == AclEntry::kUser) entry.id = users(entry.id);
    if (entry.tag == AclEntry::kGroup) entry.id = groups(entry.id);
  }
  std::sort(entries->begin(), entries->end(),
            [](const AclEntry& a, const AclEntry& b) { return std::tie(a.tag, a.id) < std::tie(b.tag, b.id); });
  std::vector<AclEntry> merged;
  for (const AclEntry& entry : *entries) {
    const bool is_same = !merged.empty() && merged.back().tag == entry.tag && merged.back().id == entry.id;
    if (is_same) {
      merged.back().permissions &= entry.permissions;
    } else {
      merged.push_back(entry);
    }
  }
  return encode_acl(std::move(merged)).value_or(Bytes(value));
}

Result<OwnerPair> OwnerPair::parse(const std::string& text, const ResolveName& user, const ResolveName& group) {
  const size_t colon = text.find(':');
  OwnerPair out{TRY(parse_one(text.substr(0, colon), user)), {}};
  if (colon != std::string::npos) out.group = TRY(parse_one(text.substr(colon + 1), group));
  return out;
}

std::string OwnerPair::text() const { return group ? str(user, ":", *group) : str(user); }

}  // namespace granary
