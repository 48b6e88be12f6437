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

void answer_measures(MountControl& control, const MountStatus& status, MountMeasures measures) {
  control.add("stat",
              [&status, measures](const std::string&) -> Result<std::string> { return stat_of(status, measures); });
  control.add("metrics",
              [&status, measures](const std::string&) -> Result<std::string> { return metrics_of(status, measures); });
  control.add("log", [measures](const std::string&) -> Result<std::string> {
    const std::string lines = measures.log == nullptr ? "" : measures.log->tail();
    return lines.empty() ? std::string("nothing has been logged\n") : lines;
  });
}

void answer_trace(MountControl& control, OperationTrace& trace) {
  const auto state = [&trace](const std::string&) -> Result<std::string> {
    return std::string(trace.is_on() ? "on" : "off");
  };
  control.add("trace", state);
  const auto mutex = std::make_shared<Mutex>();  // one start at a time
  control.add("trace start", [&trace, state, mutex](const std::string& rest) -> Result<std::string> {
    const MutexLock lock(*mutex);
    TRY(trace.start());
    return state(rest);
  });
  control.add("trace stop", [&trace, state](const std::string& rest) -> Result<std::string> {
    trace.stop();
    return state(rest);
  });
}

void answer_head(MountControl& control, Fetcher& fetcher) {
  control.add("head", [&fetcher](const std::string&) -> Result<std::string> {
    const Bytes head = TRY(fetcher.read_document("head.json", kMaxHeadBytes, Fetcher::Freshness::kFresh));
    return str("head.json came, ", head.size(), " bytes");
  });
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
