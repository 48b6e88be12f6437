// BootPin: which snapshot a machine boots, and stays with. The first start pins what it took; an update is tried once,
// and pinned when it has reached the boot-complete mark; one that has not is left again at the next start. Kept in
// state/pin.json, a copy of it beside it, each replaced in one step and durably: after a power cut one of them is
// whole. The transitions are plain functions of the value; one process changes the file at a time (FileLock).
#pragma once

#include <string>

#include "fs/base/bytes.h"
#include "fs/base/result.h"

namespace granary {

struct BootPin {
  // What was asked for when it was pinned: the repository's UUID, then "branch main", "tag v1" or "snapshot ID". When
  // something else is asked for, the pin is void.
  std::string asked;
  std::string pinned;    // ids of snapshots; empty: none
  std::string previous;  // what was pinned before: where a rollback leads
  std::string trial;     // to be tried, or being tried
  uint32_t tries_left = 0;
  std::string failed;        // the last trial that failed, and why
  std::string last_failure;  // for people

  bool operator==(const BootPin&) const = default;
};

inline constexpr uint32_t kTrialTries = 1;

// Which snapshot this start takes. Changes the pin: write it before going on.
struct BootChoice {
  enum class What { kNewest, kPinned, kTrial } what = What::kNewest;
  std::string snapshot;  // of kPinned and kTrial
  std::string remark;    // for people; empty: nothing unusual
};
BootChoice choose_snapshot(BootPin& pin, const std::string& asked);

// The first start has mounted what was asked for.
void note_first(BootPin& pin, const std::string& asked, const std::string& snapshot);
// The trial cannot be booted, or has not reached the mark: the pinned one is next.
void note_failed_trial(BootPin& pin, const std::string& why);
// `running` has reached the mark: a trial becomes the pinned one. Whether it did.
bool note_complete(BootPin& pin, const std::string& running);
// At the next start `snapshot` is tried.
//   kInvalid  it is what is pinned already
Status note_update(BootPin& pin, const std::string& snapshot);
// Back to the previous one, under trial as well; takes back an update that was not tried yet. What is booted next.
//   kNotFound  there is none
Result<std::string> note_rollback(BootPin& pin);

// One JSON object. kCorrupt for anything else.
Bytes serialise(const BootPin& pin);
Result<BootPin> parse_pin(ByteView text);

// From `folder`: of pin.json and its copy, the first that is whole; neither there: an empty pin.
//   kCorrupt  both are damaged: what to do about it is in the message
Result<BootPin> load_pin(const std::string& folder);
Status store_pin(const std::string& folder, const BootPin& pin);

}  // namespace granary
