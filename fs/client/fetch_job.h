// FetchJob: brings many objects into the cache at one priority, some at a time, and counts. One thread runs it; any may
// stop it, which ends every wait at once, or look at how far it is. Borrows the fetcher, which outlives it; what is
// still on its way when it goes arrives in the cache all the same.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "fs/client/object_walk.h"
#include "fs/net/fetcher.h"

namespace granary {

class FetchJob : public ObjectReader {
 public:
  // At most `window` objects are on their way at the same time.
  FetchJob(Fetcher& fetcher, Priority priority, size_t window);

  // Fetches all; waits until each has arrived or failed, or until it is stopped. Sizes of what came become exact.
  // `before` is called before each request, on this thread: false leaves the rest alone. May be called again.
  struct Missing {
    WalkedObject object;
    Error error;
  };
  using Before = std::function<bool()>;
  std::vector<Missing> fetch(std::vector<WalkedObject>& objects, const Before& before = {});

  // For a catalog: one object, waiting. kUnavailable when stopped.
  Result<SharedBytes> read(const ObjectId& id) override;

  // From any thread.
  void stop();
  bool stopped() const;
  // False when stopped meanwhile.
  bool pause(std::chrono::milliseconds time);

  struct Progress {
    uint64_t done = 0;    // since it was made; of `fetch` alone
    uint64_t failed = 0;  // likewise
    uint64_t bytes = 0;   // plain
  };
  Progress progress() const;

 private:
  struct Shared;
  Fetcher& fetcher_;
  const Priority priority_;
  const size_t window_;
  const std::shared_ptr<Shared> shared_;  // with the callbacks, which may outlive the job
};

}  // namespace granary
