#include "fs/client/mount_control.h"

#include <nlohmann/json.hpp>

#include "fs/client/recorded_trace.h"

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

void answer_recording(MountControl& control, const MountStatus& status, ServedSnapshots& snapshots) {
  control.add("profile start", [&](const std::string&) -> Result<std::string> {
    TRY(snapshots.current()->snapshot->touches().start(Clock::system().now()));
    return status.recording();
  });
  control.add("profile status", [&](const std::string&) -> Result<std::string> { return status.recording(); });
  control.add("profile stop", [&](const std::string&) -> Result<std::string> {
    const auto served = snapshots.current();
    const TouchRecorder::Recording recording = TRY(served->snapshot->touches().stop());
    const ResolvedSnapshot& resolved = served->resolved;
    const RecordedTrace recorded = trace_of(recording, resolved.repository, resolved.id, *served->snapshot);
    const nlohmann::ordered_json counts{{"directories", recorded.directories},
                                        {"files", recorded.files},
                                        {"bytes", recorded.bytes},
                                        {"lost", recorded.lost},
                                        {"truncated", recorded.truncated}};
    return counts.dump() + "\n" + recorded.trace.serialise();
  });
}

}  // namespace granary
