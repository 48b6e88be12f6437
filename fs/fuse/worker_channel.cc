#include "fs/fuse/worker_channel.h"

#include <sys/socket.h>

#include <cerrno>
#include <cstring>

#include "fs/base/file.h"

namespace granary {

Result<std::pair<WorkerChannel, WorkerChannel>> WorkerChannel::make() {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
    return system_error(errno, "cannot make a channel to the worker");
  return std::pair(WorkerChannel(UniqueFd(ends[0])), WorkerChannel(UniqueFd(ends[1])));
}

Status WorkerChannel::send(Word word, const std::string& text, const std::vector<int>& fds) const {
  uint32_t number = static_cast<uint32_t>(word);
  iovec parts[] = {{&number, sizeof number}, {const_cast<char*>(text.data()), std::min(text.size(), kMaxTextBytes)}};
  alignas(cmsghdr) char control[CMSG_SPACE(kMaxFds * sizeof(int))] = {};
  msghdr message{};
  message.msg_iov = parts;
  message.msg_iovlen = 2;
  if (!fds.empty()) {
    message.msg_control = control;
    message.msg_controllen = CMSG_SPACE(fds.size() * sizeof(int));
    cmsghdr* const head = CMSG_FIRSTHDR(&message);
    head->cmsg_level = SOL_SOCKET;
    head->cmsg_type = SCM_RIGHTS;
    head->cmsg_len = CMSG_LEN(fds.size() * sizeof(int));
    std::memcpy(CMSG_DATA(head), fds.data(), fds.size() * sizeof(int));
  }
  ssize_t sent = 0;
  do sent = ::sendmsg(socket_.get(), &message, MSG_NOSIGNAL);
  while (sent < 0 && errno == EINTR);
  if (sent < 0) return Error{Code::kUnavailable, str("nobody is at the other end: ", std::strerror(errno))};
  return Done{};
}

std::optional<WorkerChannel::Message> WorkerChannel::receive() const {
  uint32_t number = 0;
  char text[kMaxTextBytes];
  iovec parts[] = {{&number, sizeof number}, {text, sizeof text}};
  alignas(cmsghdr) char control[CMSG_SPACE(kMaxFds * sizeof(int))];
  msghdr message{};
  message.msg_iov = parts;
  message.msg_iovlen = 2;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  ssize_t got = 0;
  do got = ::recvmsg(socket_.get(), &message, MSG_CMSG_CLOEXEC);
  while (got < 0 && errno == EINTR);
  if (got < 0) return std::nullopt;
  Message out{};
  for (cmsghdr* head = CMSG_FIRSTHDR(&message); head != nullptr; head = CMSG_NXTHDR(&message, head)) {
    if (head->cmsg_level != SOL_SOCKET || head->cmsg_type != SCM_RIGHTS) continue;
    const size_t count = (head->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (size_t i = 0; i < count; ++i) {
      int fd = -1;
      std::memcpy(&fd, CMSG_DATA(head) + i * sizeof fd, sizeof fd);
      out.fds.emplace_back(fd);
    }
  }
  if (got < static_cast<ssize_t>(sizeof number)) return std::nullopt;
  out.word = static_cast<Word>(number);
  out.text.assign(text, static_cast<size_t>(got) - sizeof number);
  return out;
}

}  // namespace granary
