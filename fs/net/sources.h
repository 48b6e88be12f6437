// Sources: all that a repository can be fetched from, with what is known of each. What all downloads of a fetcher
// share. Safe from many threads.
#pragma once

#include <atomic>
#include <memory>
#include <vector>

#include "fs/net/source_choice.h"
#include "fs/net/transport.h"

namespace granary {

class Sources {
 public:
  // At least one. `first_pause`: between rounds over all of them, doubled after each.
  Sources(std::vector<std::unique_ptr<Transport>> transports, int most_rounds, std::chrono::milliseconds first_pause);

  Transport& transport(size_t source) { return *transports_[source]; }
  size_t count() const { return transports_.size(); }

  // Asks those whose trial is due whether they are well: for the head, which everybody has and which is small. Cheap
  // when none is. True while a trial is under way.
  bool look_after();
  // Answers what is under way; nothing may be asked any more.
  void stop();

  SourceChoice choice;
  const int rounds;
  const std::chrono::milliseconds first_pause;
  std::atomic<uint64_t> requests{0};
  std::atomic<uint64_t> received_bytes{0};
  std::atomic<uint64_t> background_bytes{0};  // of these, what nobody had asked for more urgently by then
  std::atomic<uint64_t> retries{0};
  std::atomic<uint64_t> corrupt{0};

 private:
  struct Trial {
    std::shared_ptr<TransferProgress> progress;
    std::unique_ptr<Transfer> transfer;
  };
  void try_out(size_t source);
  void tried(size_t source, const std::shared_ptr<TransferProgress>& progress, const Result<Bytes>& answer);

  std::vector<std::unique_ptr<Transport>> transports_;
  std::atomic<int> trials_under_way_{0};
  Mutex mutex_;
  std::vector<std::unique_ptr<Transfer>> trials_ GUARDED_BY(mutex_);  // by source
};

}  // namespace granary
