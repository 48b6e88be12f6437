#include "tests/support/faulty_server.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <cstdio>
#include <cstdlib>

#include "fs/base/file.h"

namespace granary {

namespace {
[[noreturn]] void die(const char* what) {
  std::perror(what);
  std::abort();
}

Bytes head(const std::string& status, size_t length, const std::string& more = {}) {
  return str("HTTP/1.1 ", status, "\r\nContent-Length: ", length, "\r\n", more, "\r\n");
}
}  // namespace

FaultyServer::FaultyServer() { listen_on(0); }
FaultyServer::~FaultyServer() { go_down(); }

void FaultyServer::listen_on(uint16_t port) {
  stop_.reset(::eventfd(0, EFD_CLOEXEC));
  listener_.reset(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const int on = 1;
  ::setsockopt(listener_.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  socklen_t length = sizeof address;
  auto* const generic = reinterpret_cast<sockaddr*>(&address);
  if (::bind(listener_.get(), generic, length) != 0) die("bind");
  if (::listen(listener_.get(), 128) != 0) die("listen");
  if (::getsockname(listener_.get(), generic, &length) != 0) die("getsockname");
  port_ = ntohs(address.sin_port);
  acceptor_ = std::thread([this] { accept_all(); });
}

void FaultyServer::go_down() {
  if (!acceptor_.joinable()) return;
  {
    const MutexLock lock(mutex_);
    ending_ = true;
    released_.notify_all();
  }
  const uint64_t one = 1;
  if (::write(stop_.get(), &one, sizeof one) != sizeof one) die("write");
  acceptor_.join();
  std::list<Connection> ending;
  {
    const MutexLock lock(mutex_);
    ending.swap(open_);
  }
  for (Connection& connection : ending) ::shutdown(connection.fd.get(), SHUT_RDWR);
  for (Connection& connection : ending) connection.thread.join();
  listener_.reset();
  const MutexLock lock(mutex_);
  ending_ = false;
}

void FaultyServer::come_up() { listen_on(port_); }

void FaultyServer::add(const std::string& path, Bytes body) {
  const MutexLock lock(mutex_);
  files_[path] = std::move(body);
}
void FaultyServer::remove(const std::string& path) {
  const MutexLock lock(mutex_);
  files_.erase(path);
}
void FaultyServer::serve_directory(const std::string& directory) {
  const MutexLock lock(mutex_);
  directory_ = directory;
}
FaultyServer& FaultyServer::then(const std::string& path, Fault fault) {
  const MutexLock lock(mutex_);
  next_[path].push_back(fault);
  return *this;
}
void FaultyServer::always(const std::string& path, Fault fault) {
  const MutexLock lock(mutex_);
  always_[path] = fault;
}
void FaultyServer::hold() {
  const MutexLock lock(mutex_);
  held_ = true;
}
void FaultyServer::release() {
  const MutexLock lock(mutex_);
  held_ = false;
  released_.notify_all();
}

namespace {
template <class Map>
typename Map::mapped_type look_up(const Map& map, const std::string& key) {
  const auto place = map.find(key);
  return place == map.end() ? typename Map::mapped_type{} : place->second;
}
}  // namespace

size_t FaultyServer::requests(const std::string& path) const {
  const MutexLock lock(mutex_);
  return look_up(requests_, path);
}
size_t FaultyServer::requests() const {
  const MutexLock lock(mutex_);
  size_t all = 0;
  for (const auto& [path, count] : requests_) all += count;
  return all;
}
size_t FaultyServer::past_caches(const std::string& path) const {
  const MutexLock lock(mutex_);
  return look_up(past_caches_, path);
}
size_t FaultyServer::revalidated(const std::string& path) const {
  const MutexLock lock(mutex_);
  return look_up(revalidated_, path);
}
std::string FaultyServer::last_header(const std::string& path) const {
  const MutexLock lock(mutex_);
  return look_up(last_header_, path);
}
size_t FaultyServer::connections() const {
  const MutexLock lock(mutex_);
  return connections_;
}

void FaultyServer::accept_all() {
  for (;;) {
    pollfd ready[2] = {{listener_.get(), POLLIN, 0}, {stop_.get(), POLLIN, 0}};
    if (::poll(ready, 2, -1) < 0) continue;
    if (ready[1].revents != 0) return;
    UniqueFd fd(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (!fd.valid()) continue;
    const int on = 1;
    ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    const MutexLock lock(mutex_);
    ++connections_;
    for (auto old = open_.begin(); old != open_.end();) {
      if (old->ended) old->thread.join();
      old = old->ended ? open_.erase(old) : std::next(old);
    }
    Connection& connection = open_.emplace_back();
    connection.fd = std::move(fd);
    connection.thread = std::thread([this, &connection, raw = connection.fd.get()] {
      converse(raw);
      ::shutdown(raw, SHUT_RDWR);
      const MutexLock relock(mutex_);
      connection.ended = true;
    });
  }
}

void FaultyServer::converse(int fd) {
  Bytes buffer;
  while (const auto request = read_request(fd, buffer)) {
    if (!answer(fd, *request)) return;
  }
}

std::optional<FaultyServer::Request> FaultyServer::read_request(int fd, Bytes& buffer) {
  size_t end = 0;
  while ((end = buffer.find("\r\n\r\n")) == Bytes::npos) {
    char part[4096];
    const ssize_t n = ::recv(fd, part, sizeof part, 0);
    if (n <= 0) return std::nullopt;
    buffer.append(part, static_cast<size_t>(n));
  }
  Request request;
  request.header = buffer.substr(0, end);
  buffer.erase(0, end + 4);
  const size_t from = request.header.find(" /");
  if (from == Bytes::npos) return std::nullopt;
  request.path = request.header.substr(from + 2, request.header.find(' ', from + 2) - from - 2);
  return request;
}

// The whole answer: a part of the body where the request asked for what follows a byte of it.
Bytes FaultyServer::in_range(const std::string& header, const Bytes& body) {
  constexpr std::string_view kRange = "\r\nRange: bytes=";
  const size_t at = header.find(kRange);
  const size_t from = at == Bytes::npos ? 0 : std::strtoull(header.c_str() + at + kRange.size(), nullptr, 10);
  if (from == 0 || from >= body.size()) return head("200 OK", body.size()) + body;
  const std::string place = str("Content-Range: bytes ", from, "-", body.size() - 1, "/", body.size(), "\r\n");
  return head("206 Partial Content", body.size() - from, place) + body.substr(from);
}

bool FaultyServer::answer(int fd, const Request& request) {
  Fault fault = Fault::kNone;
  std::optional<Bytes> body;
  {
    MutexLock lock(mutex_);
    ++requests_[request.path];
    last_header_[request.path] = request.header;
    if (request.header.find("Cache-Control: no-cache") != Bytes::npos) ++past_caches_[request.path];
    if (request.header.find("Cache-Control: max-age=0") != Bytes::npos) ++revalidated_[request.path];
    fault = request.path.starts_with("loop/") ? Fault::kRedirectLoop : next_fault(request.path);
    while (held_ && !ending_) lock.wait(released_);
    body = content_of(request.path);
  }
  if (fault != Fault::kNone) return lie(fd, fault, request, body.value_or(Bytes{}));
  if (!body) return lie(fd, Fault::kNotFound, request, {});
  return send_all(fd, in_range(request.header, *body));
}

Fault FaultyServer::next_fault(const std::string& path) {
  for (const std::string& name : {path, std::string("*")}) {
    auto& queue = next_[name];
    if (queue.empty()) continue;
    const Fault fault = queue.front();
    queue.pop_front();
    return fault;
  }
  const Fault all = look_up(always_, "*");
  return all != Fault::kNone ? all : look_up(always_, path);
}

std::optional<Bytes> FaultyServer::content_of(const std::string& path) {
  if (path.starts_with("elsewhere/")) return content_of(path.substr(10));
  if (const auto file = files_.find(path); file != files_.end()) return file->second;
  if (directory_.empty() || path.find("..") != std::string::npos) return std::nullopt;
  auto file = read_file(directory_ + "/" + path, size_t{64} << 20);
  if (!file) return std::nullopt;
  return std::move(*file);
}

bool FaultyServer::lie(int fd, Fault fault, const Request& request, const Bytes& body) {
  static const Bytes kPage = "<html><body>Something is wrong here.</body></html>\n";
  switch (fault) {
    case Fault::kNone: return true;
    case Fault::kNotFound: return send_all(fd, head("404 Not Found", kPage.size()) + kPage);
    case Fault::kServerError: return send_all(fd, head("500 Internal Server Error", kPage.size()) + kPage);
    case Fault::kHtml: return send_all(fd, head("200 OK", kPage.size(), "Content-Type: text/html\r\n") + kPage);
    case Fault::kTruncate: send_all(fd, head("200 OK", body.size()) + body.substr(0, body.size() / 2)); return false;
    case Fault::kWrongLength: send_all(fd, head("200 OK", body.size() / 2) + body); return false;
    case Fault::kRedirectLoop: return send_all(fd, head("302 Found", 0, "Location: /loop/x\r\n"));
    case Fault::kRedirectAway:
      return send_all(fd, head("302 Found", 0, "Location: /elsewhere/" + request.path + "\r\n"));
    case Fault::kFlipBit: {
      Bytes flipped = body;
      if (!flipped.empty()) flipped[flipped.size() / 2] = static_cast<char>(flipped[flipped.size() / 2] ^ 1);
      return send_all(fd, head("200 OK", flipped.size()) + flipped);
    }
    case Fault::kHang: return wait_for_end(fd);
    case Fault::kReset: {
      const linger at_once{1, 0};
      ::setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
      // Closing resets; the number stays taken, so that nobody else gets it.
      const UniqueFd placeholder(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
      ::dup3(placeholder.get(), fd, O_CLOEXEC);
      return false;
    }
    case Fault::kTrickle:
      if (!send_all(fd, head("200 OK", body.size()))) return false;
      for (const char byte : body) {
        pause(20);
        if (!send_all(fd, {&byte, 1})) return false;
      }
      return true;
    case Fault::kEndless:
      send_all(fd, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n");
      while (send_all(fd, Bytes(65536, 'x'))) {
      }
      return false;
  }
  return false;
}

bool FaultyServer::send_all(int fd, ByteView bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (n <= 0) return false;
    bytes.remove_prefix(static_cast<size_t>(n));
  }
  return true;
}

bool FaultyServer::wait_for_end(int fd) {
  pollfd ready[2] = {{fd, POLLIN | POLLRDHUP, 0}, {stop_.get(), POLLIN, 0}};
  ::poll(ready, 2, -1);
  return false;
}

void FaultyServer::pause(int milliseconds) {
  pollfd ready{stop_.get(), POLLIN, 0};
  ::poll(&ready, 1, milliseconds);
}

}  // namespace granary
