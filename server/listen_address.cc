#include "server/listen_address.h"

#include <netdb.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <cerrno>
#include <cstring>
#include <memory>

#include "fs/base/file.h"

namespace granary {

namespace {
struct FreeAddresses {
  void operator()(addrinfo* list) const { ::freeaddrinfo(list); }
};
using Addresses = std::unique_ptr<addrinfo, FreeAddresses>;

Result<Addresses> resolve(const std::string& listen) {
  const Error bad{Code::kInvalid, str("\"", printable(listen), "\" is not ADDRESS:PORT, such as 127.0.0.1:8000")};
  const size_t colon = listen.rfind(':');
  if (colon == std::string::npos) return bad;
  std::string host = listen.substr(0, colon);
  const std::string port = listen.substr(colon + 1);
  if (host.starts_with("[") && host.ends_with("]")) host = host.substr(1, host.size() - 2);
  if (port.empty() || port.size() > 5 || port.find_first_not_of("0123456789") != std::string::npos) return bad;
  if (std::stoi(port) > 65535) return bad;
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  addrinfo* list = nullptr;
  const int failed = ::getaddrinfo(host.empty() ? nullptr : host.c_str(), port.c_str(), &hints, &list);
  if (failed != 0) return Error{Code::kInvalid, bad.message + ": " + ::gai_strerror(failed)};
  return Addresses(list);
}

bool somebody_listens(const sockaddr_un& address) {
  const UniqueFd probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  return ::connect(probe.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 || errno == EAGAIN;
}
}  // namespace

Result<UniqueFd> listen_on(const std::string& listen, int& family) {
  const Addresses address = TRY(resolve(listen));
  family = address->ai_family;
  UniqueFd fd(::socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const int on = 1;
  ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  const bool listens = ::bind(fd.get(), address->ai_addr, address->ai_addrlen) == 0 && ::listen(fd.get(), 1024) == 0;
  if (listens) return fd;
  if (errno == EADDRINUSE)
    return Error{Code::kBusy, str("cannot listen on ", listen, ": somebody else does; choose another with --listen")};
  return system_error(errno, "cannot listen on " + listen);
}

Result<std::string> url_of_listener(int fd) {
  sockaddr_storage address{};
  socklen_t length = sizeof address;
  char host[NI_MAXHOST];
  char port[NI_MAXSERV];
  auto* const generic = reinterpret_cast<sockaddr*>(&address);
  const bool known =
      ::getsockname(fd, generic, &length) == 0 &&
      ::getnameinfo(generic, length, host, sizeof host, port, sizeof port, NI_NUMERICHOST | NI_NUMERICSERV) == 0;
  if (!known) return system_error(errno, "cannot tell where we listen");
  const bool is_ipv6 = address.ss_family == AF_INET6;
  return str("http://", is_ipv6 ? "[" : "", host, is_ipv6 ? "]" : "", ":", port);
}

Result<UniqueFd> listen_on_path(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof address.sun_path)
    return Error{Code::kInvalid, "no path for a socket, or too long a one: \"" + printable(path) + "\""};
  std::memcpy(address.sun_path, path.data(), path.size());
  struct stat info {};
  const bool is_socket = ::lstat(path.c_str(), &info) == 0 && S_ISSOCK(info.st_mode);
  if (is_socket && somebody_listens(address))
    return Error{Code::kBusy, str("cannot listen at ", printable(path), ": somebody else does")};
  if (is_socket) ::unlink(path.c_str());
  UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const bool listens = ::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 &&
                       ::chmod(path.c_str(), 0660) == 0 && ::listen(fd.get(), 64) == 0;
  if (listens) return fd;
  return system_error(errno, "cannot listen at " + printable(path));
}

}  // namespace granary
