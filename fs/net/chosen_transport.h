// ChosenTransport: several sources of one repository as one transport: each file comes from the first that has a good
// one (Download). Objects are verified on the way, so that a damaged one is sought elsewhere; of documents only that
// head.json is one.
#pragma once

#include <map>

#include "fs/base/mutex.h"
#include "fs/net/download.h"

namespace granary {

class ChosenTransport : public Transport {
 public:
  // Takes the sources, at least one.
  explicit ChosenTransport(std::vector<std::unique_ptr<Transport>> sources);
  ~ChosenTransport() override;

  std::unique_ptr<Transfer> get(GetRequest request, Callback done) override;
  const std::string& base_url() const override { return url_; }

 private:
  class Chosen;
  // Whom an answer is owed.
  struct Owed {
    Mutex mutex;
    std::map<uint64_t, Callback> callbacks GUARDED_BY(mutex);
    uint64_t next GUARDED_BY(mutex) = 0;

    Callback take(uint64_t number);
  };

  const std::string url_;
  const std::shared_ptr<Owed> owed_ = std::make_shared<Owed>();  // a Transfer may outlive us
  Sources sources_;
  WorkerPool pool_;  // last: its jobs use the others
};

}  // namespace granary
