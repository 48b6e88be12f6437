// LogFile: a file that log lines are appended to, a line with one write(2), and that is moved aside when it grows too
// large: FILE becomes FILE.1, that FILE.2, and so on. Several processes may append to one file and rotate it. When
// somebody else moves the file away (logrotate), a new one is begun within a second.
// A disk that is full loses lines, never more; one that hangs keeps the caller (LogQueue's thread).
// A FIFO that nobody reads loses lines at once. One thread at a time.
#pragma once

#include "fs/base/log_queue.h"
#include "fs/base/unique_fd.h"

namespace granary::log {

struct Rotation {
  uint64_t size_bytes = 0;  // 0: never
  unsigned keep = 5;        // so many old files
  // "10M:5", "10M": kInvalid for anything else.
  static Result<Rotation> parse(const std::string& text);
};

enum class Format { kLogfmt, kJson };

class LogFile : public LogOutput {
 public:
  // Makes the file (mode 0640) if it is missing.
  static Result<std::unique_ptr<LogFile>> open(const std::string& path, Rotation rotation, Format format);
  bool write(const Line& line) override;

 private:
  LogFile(std::string path, Rotation rotation, Format format, UniqueFd fd)
      : path_(std::move(path)), rotation_(rotation), format_(format), fd_(std::move(fd)) {}
  void look_whether_moved();
  void rotate_when_large();
  bool is_still_at_path() const;
  void reopen();

  const std::string path_;
  const Rotation rotation_;
  const Format format_;
  UniqueFd fd_;
  std::chrono::steady_clock::time_point look_at_;
  bool ends_within_line_ = false;  // the disk became full in the middle of one
};

}  // namespace granary::log
