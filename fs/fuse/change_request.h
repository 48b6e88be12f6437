// ChangeRequest: the question `change` at a supervisor's control socket: "change OPTION VALUE…". All that was said of
// that option of the mount before is replaced; a worker that goes by the new one takes the old one's place.
#pragma once

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

namespace granary {

struct ChangeRequest {
  std::string option;               // a name of the table of mount options: one of kOptions
  std::vector<std::string> values;  // none has a space

  static constexpr std::string_view kWord = "change ";
  static constexpr std::string_view kOptions[] = {"proxy", "mirror"};  // what may change under a live mount

  std::string question() const {
    std::string out = std::string(kWord) + option;
    for (const std::string& value : values) out += " " + value;
    return out;
  }
  // Nothing: another question.
  static std::optional<ChangeRequest> parse(const std::string& question) {
    if (!question.starts_with(kWord)) return std::nullopt;
    std::vector<std::string> words;
    for (size_t from = kWord.size(); from < question.size();) {
      const size_t end = std::min(question.find(' ', from), question.size());
      if (end > from) words.push_back(question.substr(from, end - from));
      from = end + 1;
    }
    if (words.empty()) return std::nullopt;
    ChangeRequest out{words.front(), {words.begin() + 1, words.end()}};
    for (const std::string_view option : kOptions) {
      if (out.option == option) return out;
    }
    return std::nullopt;
  }
};

}  // namespace granary
