#include "fs/fuse/log_target.h"

#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <ctime>

#include "fs/base/file.h"
#include "fs/base/journal.h"

namespace granary {

namespace {
constexpr const char* kSyslogSocket = "/dev/log";

class StandardError : public log::LogOutput {
 public:
  explicit StandardError(log::Format format) : format_(format) {}
  bool write(const log::Line& line) override {
    const std::string text = (format_ == log::Format::kJson ? log::as_json(line) : log::as_logfmt(line)) + "\n";
    return ::write(STDERR_FILENO, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  }

 private:
  const log::Format format_;
};

// The system log takes lines as datagrams (RFC 3164, as syslog(3) sends them); one that would wait is lost.
class Syslog : public log::LogOutput {
 public:
  static Result<std::unique_ptr<log::LogOutput>> open(const std::string& path) {
    return std::unique_ptr<log::LogOutput>(new Syslog(path, TRY(log::connect_datagrams(path))));
  }

  bool write(const log::Line& line) override {
    const std::string text = datagram(line);
    if (::send(socket_.get(), text.data(), text.size(), MSG_NOSIGNAL) >= 0) return true;
    if (errno == EAGAIN) return false;
    auto again = log::connect_datagrams(path_);  // the system log was restarted
    if (!again) return false;
    socket_ = *std::move(again);
    return ::send(socket_.get(), text.data(), text.size(), MSG_NOSIGNAL) >= 0;
  }

 private:
  Syslog(std::string path, UniqueFd socket) : path_(std::move(path)), socket_(std::move(socket)) {}

  static std::string datagram(const log::Line& line) {
    constexpr int kDaemonFacility = 3;
    const std::time_t seconds = std::chrono::system_clock::to_time_t(line.time);
    std::tm local{};
    ::localtime_r(&seconds, &local);
    char stamp[32];
    std::strftime(stamp, sizeof stamp, "%b %e %H:%M:%S", &local);
    return str("<", kDaemonFacility * 8 + log::syslog_priority(line.level), ">", stamp, " granary-mount[", ::getpid(),
               "]: ", log::as_logfmt(line));
  }

  const std::string path_;
  UniqueFd socket_;
};

template <class T>
std::unique_ptr<log::LogOutput> output_of(std::unique_ptr<T> output) {
  return output;
}
}  // namespace

Result<LogTarget> LogTarget::open(const std::string& wanted, bool foreground, const std::string& state_directory,
                                  const Options& options) {
  if (wanted == "stderr" || (wanted.empty() && foreground))
    return LogTarget("stderr", std::make_unique<StandardError>(options.format));
  if (wanted == "journal") return LogTarget(wanted, output_of(TRY_WITHIN("no journal", log::Journal::open())));
  if (wanted.starts_with("journal:"))
    return LogTarget(wanted, output_of(TRY_WITHIN("no journal", log::Journal::open(wanted.substr(8)))));
  if (wanted == "syslog") return LogTarget(wanted, TRY_WITHIN("no system log", Syslog::open(kSyslogSocket)));
  if (wanted.starts_with("syslog:"))
    return LogTarget(wanted, TRY_WITHIN("no system log", Syslog::open(wanted.substr(7))));
  if (wanted.empty()) {
    if (auto journal = log::Journal::open()) return LogTarget("journal", output_of(*std::move(journal)));
    if (auto syslog = Syslog::open(kSyslogSocket)) return LogTarget("syslog", *std::move(syslog));
    TRY(make_directories(state_directory, 0700));
  }
  const std::string file = wanted.empty() ? state_directory + "/mount.log" : wanted;
  return LogTarget(file,
                   output_of(TRY_WITHIN("cannot log", log::LogFile::open(file, options.rotation, options.format))));
}

bool LogTarget::is_file(const std::string& wanted) {
  for (const char* other : {"stderr", "journal", "syslog"}) {
    if (wanted == other) return false;
  }
  return !wanted.empty() && !wanted.starts_with("journal:") && !wanted.starts_with("syslog:");
}

void LogTarget::use() const {
  if (!state_->output) return;
  state_->queue = std::make_unique<log::LogQueue>(std::move(state_->output));
  log::set_sink(state_->queue.get());
}

LogTarget::State::~State() {
  if (queue) log::set_sink(nullptr);
}

}  // namespace granary
