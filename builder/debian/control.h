// StanzaReader: the stanzas of a Debian control file (deb-control(5): Packages, Release, *.sources, status), one after
// the other, as views into the text, which it borrows. Nothing is copied. One thread.
#pragma once

#include <optional>
#include <string_view>

#include "fs/base/bytes.h"

namespace granary {

// One field: its value without the white space around it; further lines of it still hold their first blank.
struct ControlField {
  std::string_view name;
  std::string_view value;
};

// One stanza: a run of lines without an empty one. Lines that are no field (no colon, or a continuation of nothing) are
// passed over; see `is_well_formed`.
class Stanza {
 public:
  explicit Stanza(std::string_view text) : text_(text) {}
  std::string_view text() const { return text_; }

  // The value of the first field of that name, case aside; empty when it is missing.
  std::string_view field(std::string_view name) const;
  // Takes one field after the other off the front of `rest`, which starts as `text()`.
  static std::optional<ControlField> next_field(std::string_view& rest);
  bool is_well_formed() const;

 private:
  std::string_view text_;
};

class StanzaReader {
 public:
  explicit StanzaReader(ByteView text) : rest_(text) {}
  // Nothing at the end. Comment lines (#) are left to those who read files that may have them.
  std::optional<Stanza> next();

 private:
  std::string_view rest_;
};

bool equal_ignoring_case(std::string_view left, std::string_view right);
// Without blanks, tabs and line ends at both ends.
std::string_view trimmed(std::string_view text);
// Takes the next word, of characters that are no white space, off the front; empty at the end.
std::string_view next_word(std::string_view& rest);
// Takes the next line off the front, without its line end.
std::string_view next_line(std::string_view& rest);

}  // namespace granary
