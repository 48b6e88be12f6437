// BootWatch: follows what a booting machine says on its console, until it says that it is complete.
#pragma once

#include <deque>
#include <functional>
#include <optional>
#include <string>

#include "fs/base/bytes.h"

namespace granary {

// "granary: boot complete snapshot=<id> seconds=<uptime>", which initramfs/guest writes.
struct BootComplete {
  std::string snapshot;
  double guest_seconds = 0;
};

class BootWatch {
 public:
  // What the console said next, cut anywhere.
  void hear(ByteView bytes);

  const std::optional<BootComplete>& complete() const { return complete_; }  // the newest
  unsigned completions() const { return completions_; }                      // reboots say it again
  // The newest "granary: FAILED …", without its first words.
  const std::string& failure() const { return failure_; }
  // The newest lines, for people: terminal control taken out.
  std::string last_lines() const;

 private:
  void hear_line(const std::string& line);
  Bytes pending_;
  std::deque<std::string> last_;
  std::optional<BootComplete> complete_;
  unsigned completions_ = 0;
  std::string failure_;
};

// Reads a growing file from where it was left.
class GrowingFile {
 public:
  explicit GrowingFile(std::string path, off_t from = 0) : path_(std::move(path)), offset_(from) {}
  // What is new; nothing while it is not there yet.
  Bytes more();

 private:
  const std::string path_;
  off_t offset_;
};

}  // namespace granary
