#include "fs/base/log_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstdio>

#include "fs/base/file.h"
#include "fs/base/size.h"

namespace granary::log {

namespace {
constexpr std::chrono::seconds kLookEvery{1};
constexpr unsigned kMostKept = 100;

// Neither opening nor writing a FIFO waits: with a reader of our own at its end it just fills up.
Result<UniqueFd> open_for_appending(const std::string& path) {
  struct stat info {};
  const bool is_fifo = ::stat(path.c_str(), &info) == 0 && S_ISFIFO(info.st_mode);
  return open_file(path, is_fifo ? O_RDWR | O_NONBLOCK : O_WRONLY | O_APPEND | O_CREAT | O_NONBLOCK, 0640);
}
}  // namespace

Result<Rotation> Rotation::parse(const std::string& text) {
  const size_t colon = text.find(':');
  Rotation rotation;
  rotation.size_bytes = TRY_WITHIN("bad log rotation", parse_size(text.substr(0, colon)));
  if (colon == std::string::npos) return rotation;
  const std::string keep = text.substr(colon + 1);
  const bool is_number = !keep.empty() && keep.size() <= 3 && keep.find_first_not_of("0123456789") == std::string::npos;
  if (!is_number || std::stoul(keep) > kMostKept)
    return Error{Code::kInvalid, str("bad log rotation: SIZE:FILES, such as 10M:5, not \"", printable(text), "\"")};
  rotation.keep = static_cast<unsigned>(std::stoul(keep));
  return rotation;
}

Result<std::unique_ptr<LogFile>> LogFile::open(const std::string& path, Rotation rotation, Format format) {
  return std::unique_ptr<LogFile>(new LogFile(path, rotation, format, TRY(open_for_appending(path))));
}

bool LogFile::write(const Line& line) {
  look_whether_moved();
  rotate_when_large();
  std::string text = ends_within_line_ ? "\n" : "";
  text += format_ == Format::kJson ? as_json(line) : str(time_text(line), " ", as_logfmt(line));
  text += "\n";
  const ssize_t written = ::write(fd_.get(), text.data(), text.size());
  if (written > 0) ends_within_line_ = text[static_cast<size_t>(written) - 1] != '\n';
  return written == static_cast<ssize_t>(text.size());
}

bool LogFile::is_still_at_path() const {
  struct stat ours {
  }, there{};
  return ::fstat(fd_.get(), &ours) == 0 && ::stat(path_.c_str(), &there) == 0 && ours.st_ino == there.st_ino &&
         ours.st_dev == there.st_dev;
}

void LogFile::look_whether_moved() {
  const auto now = std::chrono::steady_clock::now();
  if (now < look_at_) return;
  look_at_ = now + kLookEvery;
  if (!is_still_at_path()) reopen();
}

// Without the right to make a new file, lines go on into the old one.
void LogFile::reopen() {
  auto fd = open_for_appending(path_);
  if (!fd) return;
  fd_ = std::move(*fd);
  ends_within_line_ = false;
}

void LogFile::rotate_when_large() {
  struct stat info {};
  if (rotation_.size_bytes == 0 || ::fstat(fd_.get(), &info) != 0 || !S_ISREG(info.st_mode)) return;
  if (static_cast<uint64_t>(info.st_size) < rotation_.size_bytes) return;
  if (::flock(fd_.get(), LOCK_EX | LOCK_NB) != 0) return;  // another process is at it
  if (is_still_at_path()) {
    if (rotation_.keep == 0) ::unlink(path_.c_str());
    for (unsigned number = rotation_.keep; number > 0; --number) {
      const std::string from = number == 1 ? path_ : str(path_, ".", number - 1);
      ::rename(from.c_str(), str(path_, ".", number).c_str());
    }
  }
  ::flock(fd_.get(), LOCK_UN);
  if (!is_still_at_path()) reopen();
}

}  // namespace granary::log
