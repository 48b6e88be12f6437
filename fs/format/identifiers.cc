#include "fs/format/identifiers.h"

#include <openssl/rand.h>

#include <algorithm>
#include <cassert>

#include "fs/base/bytes.h"

namespace granary {

namespace {
bool is_lower_or_digit(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }
bool is_letter_or_digit(char c) { return is_lower_or_digit(c) || (c >= 'A' && c <= 'Z'); }

template <class Allowed>
bool consists_of(std::string_view text, size_t most, Allowed allowed) {
  return !text.empty() && text.size() <= most && std::all_of(text.begin(), text.end(), allowed);
}
}  // namespace

bool is_repository_uuid(std::string_view text) {
  if (text.size() != 36) return false;
  for (size_t i = 0; i < text.size(); ++i) {
    const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    const bool hex = (text[i] >= '0' && text[i] <= '9') || (text[i] >= 'a' && text[i] <= 'f');
    if (dash ? text[i] != '-' : !hex) return false;
  }
  return true;
}

std::string make_repository_uuid() {
  unsigned char random[16];
  [[maybe_unused]] const int ok = RAND_bytes(random, sizeof random);
  assert(ok == 1);
  random[6] = static_cast<unsigned char>((random[6] & 0x0f) | 0x40);  // version 4
  random[8] = static_cast<unsigned char>((random[8] & 0x3f) | 0x80);  // variant of RFC 4122
  std::string text = to_hex({reinterpret_cast<const char*>(random), sizeof random});
  for (const size_t dash : {8, 13, 18, 23}) text.insert(dash, "-");
  return text;
}

bool is_repository_name(std::string_view text) {
  return consists_of(text, 255, [](char c) { return is_lower_or_digit(c) || c == '.' || c == '-'; });
}

bool is_ref_name(std::string_view text) {
  const auto allowed = [](char c) {
    return is_letter_or_digit(c) || std::string_view("._/+-").find(c) != std::string_view::npos;
  };
  if (!consists_of(text, 128, allowed) || !is_letter_or_digit(text.front())) return false;
  for (size_t start = 0; start <= text.size();) {
    const size_t end = std::min(text.find('/', start), text.size());
    const std::string_view component = text.substr(start, end - start);
    if (component.empty() || component == "." || component == "..") return false;
    start = end + 1;
  }
  return true;
}

bool is_cook_branch(std::string_view name) { return name.starts_with("cook/"); }

Status check_repository_name(std::string_view name) {
  if (is_repository_name(name)) return Done{};
  return Error{Code::kInvalid,
               str("\"", printable(name.substr(0, 300)), "\" cannot name a repository: 1 to 255 of a-z 0-9 . -")};
}

Status check_ref_name(std::string_view name) {
  if (is_ref_name(name)) return Done{};
  return Error{Code::kInvalid, str("\"", printable(name.substr(0, 300)),
                                   "\" cannot name a branch or tag: 1 to 128 of A-Z a-z 0-9 . _ / + -, "
                                   "first a letter or digit, no empty, \".\" or \"..\" component")};
}

}  // namespace granary
