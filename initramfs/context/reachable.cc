#include "initramfs/context/reachable.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <optional>

#include "fs/base/unique_fd.h"
#include "initramfs/network/ip_address.h"

namespace granary {

namespace {
using Clock = std::chrono::steady_clock;

std::optional<sockaddr_in> address_of(std::string_view url) {
  constexpr std::string_view kHttp = "http://";
  if (!url.starts_with(kHttp)) return std::nullopt;
  const std::string host(url.substr(kHttp.size(), url.find('/', kHttp.size()) - kHttp.size()));
  const size_t colon = host.find(':');
  const auto address = IpAddress::parse(host.substr(0, colon));
  if (!address || !address->is_v4()) return std::nullopt;
  const int port = colon == std::string::npos ? 80 : std::atoi(host.c_str() + colon + 1);
  sockaddr_in out{};
  out.sin_family = AF_INET;
  out.sin_port = htons(static_cast<uint16_t>(port));
  std::memcpy(&out.sin_addr, address->bytes.data(), sizeof out.sin_addr);
  return out;
}

bool is_connected(int fd) {
  int failure = 0;
  socklen_t size = sizeof failure;
  return ::getsockopt(fd, SOL_SOCKET, SO_ERROR, &failure, &size) == 0 && failure == 0;
}
}  // namespace

std::vector<bool> reachable(const std::vector<std::string>& urls, std::chrono::milliseconds timeout) {
  std::vector<bool> answers(urls.size(), false);
  std::vector<UniqueFd> sockets(urls.size());
  std::vector<pollfd> waiting(urls.size(), pollfd{-1, POLLOUT, 0});
  size_t pending = 0;
  for (size_t i = 0; i < urls.size(); ++i) {
    const auto address = address_of(urls[i]);
    answers[i] = !address;
    if (!address) continue;
    sockets[i].reset(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    const int connected = ::connect(sockets[i].get(), reinterpret_cast<const sockaddr*>(&*address), sizeof *address);
    answers[i] = connected == 0;
    if (connected == 0 || errno != EINPROGRESS) continue;
    waiting[i].fd = sockets[i].get();
    ++pending;
  }
  for (const auto deadline = Clock::now() + timeout; pending > 0;) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()).count();
    if (left <= 0 || ::poll(waiting.data(), waiting.size(), static_cast<int>(left)) <= 0) break;
    for (size_t i = 0; i < urls.size(); ++i) {
      if (waiting[i].fd < 0 || waiting[i].revents == 0) continue;
      answers[i] = is_connected(waiting[i].fd);
      waiting[i].fd = -1;
      --pending;
    }
  }
  return answers;
}

}  // namespace granary
