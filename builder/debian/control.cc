#include "builder/debian/control.h"

#include <algorithm>

namespace granary {

namespace {
constexpr std::string_view kWhite = " \t\r\n";

bool is_white(char c) { return c == ' ' || c == '\n' || c == '\t' || c == '\r'; }

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

// Where the line that starts at `from` ends, its line end included.
size_t end_of_line(std::string_view text, size_t from) {
  const void* const found = std::memchr(text.data() + from, '\n', text.size() - from);
  return found == nullptr ? text.size() : static_cast<size_t>(static_cast<const char*>(found) - text.data()) + 1;
}

bool continues(std::string_view text, size_t at) { return at < text.size() && (text[at] == ' ' || text[at] == '\t'); }
}  // namespace

bool equal_ignoring_case(std::string_view left, std::string_view right) {
  return left.size() == right.size() &&
         std::equal(left.begin(), left.end(), right.begin(), [](char a, char b) { return lower(a) == lower(b); });
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && is_white(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_white(text.back())) text.remove_suffix(1);
  return text;
}

std::string_view next_word(std::string_view& rest) {
  rest.remove_prefix(std::min(rest.find_first_not_of(kWhite), rest.size()));
  const std::string_view word = rest.substr(0, rest.find_first_of(kWhite));
  rest.remove_prefix(word.size());
  return word;
}

std::string_view next_line(std::string_view& rest) {
  const size_t end = rest.empty() ? 0 : end_of_line(rest, 0);
  std::string_view line = rest.substr(0, end);
  rest.remove_prefix(end);
  if (line.ends_with('\n')) line.remove_suffix(1);
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

std::optional<ControlField> Stanza::next_field(std::string_view& rest) {
  while (!rest.empty()) {
    const bool is_field_start = !continues(rest, 0);
    const size_t first_end = end_of_line(rest, 0);
    size_t end = first_end;
    while (continues(rest, end)) end = end_of_line(rest, end);
    const std::string_view lines = rest.substr(0, end);
    rest.remove_prefix(end);
    const size_t colon = lines.substr(0, first_end).find(':');
    if (is_field_start && colon != std::string_view::npos && colon != 0)
      return ControlField{lines.substr(0, colon), trimmed(lines.substr(colon + 1))};
  }
  return std::nullopt;
}

std::string_view Stanza::field(std::string_view name) const {
  std::string_view rest = text_;
  while (const auto field = next_field(rest)) {
    if (equal_ignoring_case(field->name, name)) return field->value;
  }
  return {};
}

bool Stanza::is_well_formed() const {
  std::string_view rest = text_;
  if (continues(rest, 0)) return false;
  while (!rest.empty()) {
    const bool continuation = continues(rest, 0);
    const std::string_view line = next_line(rest);
    if (!continuation && line.find(':') == std::string_view::npos) return false;
  }
  return true;
}

std::optional<Stanza> StanzaReader::next() {
  const auto is_empty_line = [&](size_t at) { return rest_[at] == '\n' || rest_.substr(at, 2) == "\r\n"; };
  while (!rest_.empty() && is_empty_line(0)) rest_.remove_prefix(end_of_line(rest_, 0));
  if (rest_.empty()) return std::nullopt;
  size_t end = 0;
  while (end < rest_.size() && !is_empty_line(end)) end = end_of_line(rest_, end);
  const Stanza stanza(rest_.substr(0, end));
  rest_.remove_prefix(end);
  return stanza;
}

}  // namespace granary
