#include "fs/net/file_transport.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "fs/base/file.h"

namespace granary {

namespace {
// A request and its single answer. Whoever holds the last reference answers, if nobody has.
class Exchange {
 public:
  explicit Exchange(Transport::Callback done, Deadline deadline) : done_(std::move(done)), deadline_(deadline) {}

  void answer(Result<Bytes> result) {
    if (const Transport::Callback done = take()) done(std::move(result));
  }
  Transport::Callback take() {
    const MutexLock lock(mutex_);
    return std::exchange(done_, nullptr);
  }
  void expedite(Deadline deadline) {
    const MutexLock lock(mutex_);
    deadline_ = deadline;
  }
  bool overdue() {
    const MutexLock lock(mutex_);
    return deadline_ < std::chrono::steady_clock::now();
  }

 private:
  Mutex mutex_;
  Transport::Callback done_ GUARDED_BY(mutex_);
  Deadline deadline_ GUARDED_BY(mutex_);
};

class FileTransfer : public Transfer {
 public:
  explicit FileTransfer(std::shared_ptr<Exchange> exchange) : exchange_(std::move(exchange)) {}
  ~FileTransfer() override { exchange_->take(); }
  void expedite(Deadline deadline) override { exchange_->expedite(deadline); }

 private:
  const std::shared_ptr<Exchange> exchange_;
};

// What the pool holds: answers when the pool drops it.
struct Duty {
  Duty(std::shared_ptr<Exchange> owed, std::string from) : exchange(std::move(owed)), url(std::move(from)) {}
  ~Duty() { exchange->answer(Error{Code::kUnavailable, "cannot fetch " + url + ": shutting down"}); }

  const std::shared_ptr<Exchange> exchange;
  const std::string url;
};
}  // namespace

std::unique_ptr<Transfer> FileTransport::get(GetRequest request, Callback done) {
  auto exchange = std::make_shared<Exchange>(std::move(done), request.deadline);
  const auto duty = std::make_shared<Duty>(exchange, url_ + "/" + request.path);
  const Priority priority = request.priority;
  pool_.post(priority, [this, duty, request = std::move(request)] {
    if (duty->exchange->overdue())
      return duty->exchange->answer(
          Error{Code::kUnavailable, "cannot fetch " + duty->url + ": timed out in the queue"});
    auto file = read(request);
    if (!file) file = file.error().within("cannot fetch " + duty->url);
    duty->exchange->answer(std::move(file));
  });
  return std::make_unique<FileTransfer>(std::move(exchange));
}

Result<Bytes> FileTransport::read(const GetRequest& request) const {
  const std::string path = directory_ + "/" + request.path;
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0 && (errno == ENOENT || errno == ENOTDIR))
    return Error{Code::kNotFound, "no such file"};
  if (!S_ISREG(info.st_mode)) return Error{Code::kUnavailable, "it cannot be read, or is not a file"};
  auto file = read_file(path, request.limit_bytes);
  if (file || file.error().code == Code::kEndlessData || file.error().code == Code::kNotFound) return file;
  return Error{Code::kUnavailable, file.error().message};
}

}  // namespace granary
