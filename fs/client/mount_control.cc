#include "fs/client/mount_control.h"

namespace granary {

Result<std::string> MountControl::answer(const std::string& question) const {
  // The longest words that begin the question: "profile start" before "profile".
  for (std::string words = question;; words.resize(words.rfind(' '))) {
    if (const auto found = answers_.find(words); found != answers_.end())
      return found->second(question.size() > words.size() ? question.substr(words.size() + 1) : "");
    if (words.find(' ') == std::string::npos) break;
  }
  return Error{Code::kInvalid, "no such question: " + printable(question)};
}

void answer_stat(MountControl& control, const MountStatus& status) {
  control.add("stat", [&status](const std::string&) -> Result<std::string> { return status.json(); });
}

}  // namespace granary
