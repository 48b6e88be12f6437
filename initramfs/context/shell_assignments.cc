#include "initramfs/context/shell_assignments.h"

#include <optional>

namespace granary {

namespace {
constexpr size_t kMostRefused = 20, kMostValues = 4096;

bool is_name_begin(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool is_name_part(char c) { return is_name_begin(c) || (c >= '0' && c <= '9'); }

class ShellReader {
 public:
  explicit ShellReader(ByteView text) : text_(text) {}

  ShellAssignments run() {
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (c == '\n' || c == ' ' || c == '\t' || c == '\r' || c == ';')
        next();
      else if (c == '#')
        skip_line();
      else
        statement();
    }
    return std::move(out_);
  }

 private:
  char next() {
    if (text_[at_] == '\n') ++line_;
    return text_[at_++];
  }
  void skip_line() {
    while (at_ < text_.size() && text_[at_] != '\n') ++at_;
  }
  void refuse(const std::string& why) {
    if (out_.refused.size() < kMostRefused) out_.refused.push_back("line " + std::to_string(begun_) + ": " + why);
  }

  void statement() {
    begun_ = line_;
    const std::string name = this->name();
    if (name == "export" && at_ < text_.size() && text_[at_] == ' ') return;
    if (name.empty() || at_ >= text_.size() || text_[at_] != '=') {
      refuse("no assignment");
      return skip_line();
    }
    ++at_;
    const auto value = this->value();
    if (!value) {
      refuse(trouble_ + ": " + name);
      return skip_line();
    }
    if (out_.values.size() < kMostValues) out_.values[name] = *value;
  }

  std::string name() {
    const size_t begin = at_;
    if (at_ < text_.size() && is_name_begin(text_[at_]))
      while (at_ < text_.size() && is_name_part(text_[at_])) ++at_;
    return std::string(text_.substr(begin, at_ - begin));
  }

  // The word behind "="; nothing if it is no plain text. Reads to its end all the same.
  std::optional<std::string> value() {
    std::string word;
    trouble_.clear();
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == ';') break;
      next();
      switch (c) {
        case '\'': single_quoted(word); break;
        case '"': double_quoted(word); break;
        case '\\':
          if (at_ < text_.size()) escaped(word);
          break;
        case '$':
        case '`': trouble("nothing is looked up or run"); break;
        case '|':
        case '&':
        case '<':
        case '>':
        case '(':
        case ')': trouble("no plain text"); break;
        default: word += c;
      }
    }
    return trouble_.empty() ? std::optional(word) : std::nullopt;
  }

  void escaped(std::string& word) {
    const char c = next();
    if (c != '\n') word += c;
  }

  void single_quoted(std::string& word) {
    while (at_ < text_.size()) {
      const char c = next();
      if (c == '\'') return;
      word += c;
    }
    trouble("a quote without an end");
  }

  void double_quoted(std::string& word) {
    while (at_ < text_.size()) {
      const char c = next();
      if (c == '"') return;
      if (c == '$' || c == '`') trouble("nothing is looked up or run");
      if (c != '\\' || at_ >= text_.size()) {
        word += c;
        continue;
      }
      if (std::string_view("$`\"\\\n").find(text_[at_]) == std::string_view::npos) word += c;
      escaped(word);
    }
    trouble("a quote without an end");
  }

  void trouble(const char* why) {
    if (trouble_.empty()) trouble_ = why;
  }

  const ByteView text_;
  size_t at_ = 0, line_ = 1, begun_ = 1;  // begun_: the line of the statement
  std::string trouble_;
  ShellAssignments out_;
};
}  // namespace

ShellAssignments parse_shell_assignments(ByteView text) { return ShellReader(text).run(); }

}  // namespace granary
