// MountControl: what a mount answers at its control socket: a table of questions and who answers them. A question is
// one line: words, such as "profile start", and whatever the answerer takes after them, such as a path.
// Filled before the socket listens, then only asked, by several threads: answerers are safe from many.
#pragma once

#include <functional>
#include <map>
#include <string>

#include "fs/base/result.h"
#include "fs/client/mount_metrics.h"
#include "fs/client/mount_status.h"
#include "fs/client/operation_trace.h"
#include "fs/client/served_snapshots.h"

namespace granary {

class MountControl {
 public:
  // The answer, never empty; `rest` is what follows the words of the question and one space.
  using Answer = std::function<Result<std::string>(const std::string& rest)>;

  // Answers start with these words. Whoever answers outlives the socket.
  void add(const std::string& words, Answer answer) { answers_[words] = std::move(answer); }

  // kInvalid: not a question that anybody answers. Otherwise as the answerer says.
  Result<std::string> answer(const std::string& question) const;

 private:
  std::map<std::string, Answer> answers_;
};

// "stat": one JSON document (MountStatus::json).
void answer_stat(MountControl& control, const MountStatus& status);

// "stat": the same with what is measured; "metrics": Prometheus' text; "log": the last lines of the log. All borrow.
void answer_measures(MountControl& control, const MountStatus& status, MountMeasures measures);

// "trace start", "trace stop", "trace": whether operations are traced, as "on" or "off". Borrows.
void answer_trace(MountControl& control, OperationTrace& trace);
// "head": asks a source for the newest head. Borrows. Waits for it.
void answer_head(MountControl& control, Fetcher& fetcher);

// "profile start", "profile status", "profile stop": recording what is touched. `stop` answers with a line of JSON that
// counts (RecordedTrace), then the trace document. All borrow.
void answer_recording(MountControl& control, const MountStatus& status, ServedSnapshots& snapshots);

}  // namespace granary
