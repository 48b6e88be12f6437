// UpgradeRequest: the question `upgrade` at a supervisor's control socket: "upgrade WITH PROGRAM".
#pragma once

#include <optional>
#include <string>

namespace granary {

struct UpgradeRequest {
  bool with_supervisor = true;  // false: only the worker is replaced
  std::string program;          // an absolute path

  static constexpr std::string_view kWhole = "upgrade whole ";
  static constexpr std::string_view kWorker = "upgrade worker ";
  std::string question() const { return std::string(with_supervisor ? kWhole : kWorker) + program; }
  // Nothing: another question.
  static std::optional<UpgradeRequest> parse(const std::string& question) {
    for (const std::string_view words : {kWhole, kWorker}) {
      if (question.starts_with(words)) return UpgradeRequest{words == kWhole, question.substr(words.size())};
    }
    return std::nullopt;
  }
};

}  // namespace granary
