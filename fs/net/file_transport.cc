#include "fs/net/file_transport.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <atomic>

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
  // True once: for the job that is to answer.
  bool begin() { return !begun_.exchange(true); }
  bool overdue() {
    const MutexLock lock(mutex_);
    return deadline_ < std::chrono::steady_clock::now();
  }

 private:
  std::atomic<bool> begun_{false};
  Mutex mutex_;
  Transport::Callback done_ GUARDED_BY(mutex_);
  Deadline deadline_ GUARDED_BY(mutex_);
};

// What the pool's jobs hold: answers when the pool drops them all.
struct Duty {
  Duty(std::shared_ptr<Exchange> owed, std::string from, std::shared_ptr<TransferProgress> watched,
       std::function<Result<Bytes>()> how)
      : exchange(std::move(owed)), url(std::move(from)), progress(std::move(watched)), read(std::move(how)) {}
  ~Duty() { exchange->answer(Error{Code::kUnavailable, "cannot fetch " + url + ": shutting down"}); }

  const std::shared_ptr<Exchange> exchange;
  const std::string url;
  const std::shared_ptr<TransferProgress> progress;
  const std::function<Result<Bytes>()> read;

  void fulfil() {
    if (!exchange->begin()) return;
    if (progress != nullptr) {
      progress->began = std::chrono::steady_clock::now();
      if (progress->on_begin) progress->on_begin();
    }
    if (exchange->overdue())
      return exchange->answer(Error{Code::kUnavailable, "cannot fetch " + url + ": timed out in the queue"});
    auto file = read();
    if (!file) file = file.error().within("cannot fetch " + url);
    exchange->answer(std::move(file));
  }
};

class FileTransfer : public Transfer {
 public:
  FileTransfer(const std::shared_ptr<Duty>& duty, std::shared_ptr<WorkerPool> pool, Priority priority)
      : exchange_(duty->exchange), duty_(duty), pool_(std::move(pool)), priority_(priority) {}
  ~FileTransfer() override { exchange_->take(); }

  // What becomes more urgent stands in two queues: whichever comes first answers.
  void expedite(Priority priority, Deadline deadline) override {
    exchange_->expedite(deadline);
    const MutexLock lock(mutex_);
    if (!is_more_urgent(priority, priority_)) return;
    priority_ = priority;
    if (auto duty = duty_.lock()) pool_->post(priority, [duty = std::move(duty)] { duty->fulfil(); });
  }

 private:
  const std::shared_ptr<Exchange> exchange_;
  const std::weak_ptr<Duty> duty_;
  const std::shared_ptr<WorkerPool> pool_;
  Mutex mutex_;
  Priority priority_ GUARDED_BY(mutex_);
};
}  // namespace

std::unique_ptr<Transfer> FileTransport::get(GetRequest request, Callback done) {
  const Priority priority = request.priority;
  const std::string url = url_ + "/" + request.path;
  auto exchange = std::make_shared<Exchange>(std::move(done), request.deadline);
  auto progress = request.progress;
  const auto duty = std::make_shared<Duty>(std::move(exchange), url, std::move(progress),
                                           [this, request = std::move(request)] { return read(request); });
  auto transfer = std::make_unique<FileTransfer>(duty, pool_, priority);
  pool_->post(priority, [duty] { duty->fulfil(); });
  return transfer;
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
