#include "fs/base/journal.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cerrno>

#include "fs/base/file.h"

namespace granary::log {

namespace {
// A value without line breaks follows its name and "="; any other is announced by its length.
void add_field(std::string& entry, const std::string& name, const std::string& value) {
  if (value.find('\n') == std::string::npos) {
    entry += name + "=" + value + "\n";
    return;
  }
  entry += name + "\n" + ByteWriter().u64(value.size()).take() + value + "\n";
}

// Names hold upper-case letters, digits and "_".
std::string field_name(const char* key) {
  std::string name = "GRANARY_";
  for (const char* c = key; *c != '\0'; ++c) {
    const bool is_letter = (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z');
    const bool is_digit = *c >= '0' && *c <= '9';
    name += is_letter ? static_cast<char>(*c & ~0x20) : is_digit ? *c : '_';
  }
  return name;
}

bool send_in_memfd(int socket, const std::string& entry) {
  const UniqueFd memory(::memfd_create("journal-entry", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!memory.valid() || !write_all(memory.get(), entry)) return false;
  ::fcntl(memory.get(), F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE);
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  msghdr message{};
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  cmsghdr* const header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof(int));
  const int fd = memory.get();
  std::memcpy(CMSG_DATA(header), &fd, sizeof fd);
  return ::sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0;
}
}  // namespace

int syslog_priority(Level level) {
  switch (level) {
    case Level::kError: return 3;
    case Level::kWarn: return 4;
    case Level::kInfo: return 6;
    case Level::kDebug: return 7;
  }
  return 5;
}

Result<UniqueFd> connect_datagrams(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) return Error{Code::kInvalid, "path too long for a socket: " + path};
  std::memcpy(address.sun_path, path.data(), path.size());
  UniqueFd fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd.valid() || ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    return system_error(errno, "cannot reach the log at " + printable(path));
  return fd;
}

std::string journal_entry(const Line& line) {
  std::string entry;
  const std::string whole = as_logfmt(line);
  add_field(entry, "MESSAGE", whole.substr(whole.find(' ') + 1));
  add_field(entry, "PRIORITY", std::to_string(syslog_priority(line.level)));
  add_field(entry, "SYSLOG_IDENTIFIER", "granary-mount");
  add_field(entry, "GRANARY_EVENT", line.event);
  for (const Field& field : line.fields) add_field(entry, field_name(field.key), without_passwords(field.value));
  return entry;
}

Result<std::unique_ptr<Journal>> Journal::open(const std::string& socket) {
  return std::unique_ptr<Journal>(new Journal(socket, TRY(connect_datagrams(socket))));
}

bool Journal::write(const Line& line) {
  const std::string entry = journal_entry(line);
  for (int tries = 0; tries < 2; ++tries) {
    if (::send(socket_.get(), entry.data(), entry.size(), MSG_NOSIGNAL) >= 0) return true;
    if (errno == EMSGSIZE || errno == ENOBUFS) return send_in_memfd(socket_.get(), entry);
    if (errno != ECONNREFUSED && errno != ENOTCONN && errno != ECONNRESET) return false;
    auto again = connect_datagrams(path_);  // the journal was restarted
    if (!again) return false;
    socket_ = *std::move(again);
  }
  return false;
}

}  // namespace granary::log
