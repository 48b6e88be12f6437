#include "fs/net/sources.h"

#include "fs/base/log.h"
#include "fs/format/head_bundle.h"

namespace granary {

namespace {
using Steady = std::chrono::steady_clock;

constexpr std::chrono::seconds kTrialPatience{10};

std::vector<SourcePlace> places_of(const std::vector<std::unique_ptr<Transport>>& transports) {
  std::vector<SourcePlace> places;
  for (const auto& transport : transports) places.push_back(transport->place());
  return places;
}
}  // namespace

Sources::Sources(std::vector<std::unique_ptr<Transport>> transports, int most_rounds, std::chrono::milliseconds pause)
    : choice(places_of(transports)),
      rounds(most_rounds),
      first_pause(pause),
      transports_(std::move(transports)),
      trials_(transports_.size()) {}

bool Sources::look_after() {
  for (const size_t source : choice.due_trials(Steady::now())) try_out(source);
  return trials_under_way_.load() > 0;
}

void Sources::try_out(size_t source) {
  ++trials_under_way_;
  choice.sent(source, SourceChoice::Kind::kTrial);
  const auto progress = std::make_shared<TransferProgress>();
  GetRequest request{"head.json", kMaxHeadBytes, Priority::kDemand, Steady::now() + kTrialPatience};
  request.progress = progress;
  const MutexLock lock(mutex_);  // `tried` waits for it
  trials_[source] = transports_[source]->get(
      std::move(request), [this, source, progress](const Result<Bytes>& answer) { tried(source, progress, answer); });
}

void Sources::tried(size_t source, const std::shared_ptr<TransferProgress>& progress, const Result<Bytes>& answer) {
  const auto now = Steady::now();
  const auto began = progress->began.load();
  if (answer && HeadBundle::parse(*answer)) {
    choice.answered(source, {began, progress->first_byte.load(), now}, answer->size(), false);
  } else if (answer) {
    choice.failed(source, Trouble::kDamaged, "its head.json is something else", began, now);
  } else {
    const bool lacks_it = answer.error().code == Code::kNotFound;
    choice.failed(source, lacks_it ? Trouble::kBroken : progress->trouble.load(), answer.error().message, began, now);
  }
  choice.trial_ended(source);
  {
    const MutexLock lock(mutex_);
    trials_[source].reset();
  }
  --trials_under_way_;
}

void Sources::stop() { transports_.clear(); }

}  // namespace granary
