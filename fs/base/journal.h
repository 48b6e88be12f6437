// Journal: log lines for systemd's journal, in its native protocol: one datagram each, with the fields MESSAGE,
// PRIORITY, SYSLOG_IDENTIFIER and, for each of the line's own, GRANARY_KEY (systemd.journal-fields(7);
// https://systemd.io/JOURNAL_NATIVE_PROTOCOL/). What is too large for a datagram travels in a sealed memfd.
// Never waits: a journal that takes nothing loses lines. One thread at a time.
#pragma once

#include "fs/base/log_queue.h"
#include "fs/base/unique_fd.h"

namespace granary::log {

class Journal : public LogOutput {
 public:
  static constexpr const char* kSocket = "/run/systemd/journal/socket";

  // kNotFound and others: no journal listens there.
  static Result<std::unique_ptr<Journal>> open(const std::string& socket = kSocket);
  bool write(const Line& line) override;

 private:
  Journal(std::string path, UniqueFd socket) : path_(std::move(path)), socket_(std::move(socket)) {}
  const std::string path_;
  UniqueFd socket_;
};

// What the datagram holds.
std::string journal_entry(const Line& line);
// 3 error, 4 warning, 6 info, 7 debug, as syslog(3) has them.
int syslog_priority(Level level);
// A datagram socket connected to `path`, which never waits.
Result<UniqueFd> connect_datagrams(const std::string& path);

}  // namespace granary::log
