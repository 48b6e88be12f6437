// CurlLoop: runs jobs over HTTP (or file:) side by side with curl's multi interface, in the calling thread, and tries
// again what failed for a moment. What a job does with the bytes is its own matter.
#pragma once

#include <curl/curl.h>

#include <chrono>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "fs/base/bytes.h"
#include "fs/base/result.h"

namespace granary {

struct DownloadOptions {
  std::chrono::milliseconds connect_timeout{10'000};  // names included
  std::chrono::seconds stall_timeout{30};             // aborted after so long below 512 bytes a second
  unsigned attempts = 3;                              // at one URL, when it fails for a moment
  std::chrono::milliseconds first_pause{500};         // before the second attempt; doubled each time
  size_t connections = 8;
};

// How one transfer ended, for its job.
struct TransferEnd {
  CURLcode outcome = CURLE_OK;
  long status = 0;            // of HTTP; 0 for file:
  std::string cause;          // curl's words for it
  bool is_missing() const;    // the server says that it has no such file
  bool is_transient() const;  // may go better in a moment
};

class CurlJob {
 public:
  enum class Next { kDone, kAgainNow, kAgainLater, kFailed };

  virtual ~CurlJob() = default;
  // What is fetched next. kBusy: somebody else is at it, ask again in a moment.
  virtual Status begin(CURL* easy) = 0;
  // Each part of the body of a good answer. False: enough of it, the transfer ends (and `end` says what that means).
  virtual bool take_in(ByteView part) = 0;
  // kFailed: see `error`.
  virtual Next end(const TransferEnd& end) = 0;
  virtual const Error& error() const = 0;
};

class CurlLoop {
 public:
  explicit CurlLoop(const DownloadOptions& options) : options_(options) {}

  // Runs all to their ends; the first that fails for good ends all, and its error is the answer. `on_tick` is called
  // now and then.
  Status run(const std::vector<std::unique_ptr<CurlJob>>& jobs, const std::function<void()>& on_tick);

 private:
  const DownloadOptions options_;
};

}  // namespace granary
