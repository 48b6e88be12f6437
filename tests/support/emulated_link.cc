// A segment is read from one socket, is given the time at which its last bit leaves the bottleneck, and waits in its
// direction's queue until half a round trip after that. Only the clock and these times make the rate: whoever reads or
// writes a little late changes nothing.
#include "tests/support/emulated_link.h"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <deque>
#include <optional>
#include <unordered_map>
#include <vector>

#include "fs/base/bytes.h"
#include "fs/base/file.h"

namespace granary {

namespace {
using Nanoseconds = std::chrono::nanoseconds;
using Time = std::chrono::steady_clock::time_point;

// Small enough that a late segment is late by little (1.3 ms at 100 Mbit/s), large enough to be cheap.
constexpr size_t kSegmentBytes = 16384;
constexpr uint64_t kMaxRate = 100'000'000'000;
constexpr Nanoseconds kMaxRoundTrip = std::chrono::seconds(10);
constexpr size_t kMaxWindowBytes = size_t{1} << 30;

struct Address {
  sockaddr_storage storage{};
  socklen_t size = 0;
  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
};

Result<Address> resolve(const std::string& target) {
  const size_t colon = target.rfind(':');
  if (colon == std::string::npos || colon == 0 || colon + 1 == target.size()) {
    return Error{Code::kInvalid, "\"" + target + "\" is not HOST:PORT"};
  }
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICSERV;
  addrinfo* found = nullptr;
  const std::string host = target.substr(0, colon);
  if (const int failed = ::getaddrinfo(host.c_str(), target.c_str() + colon + 1, &hints, &found); failed != 0) {
    return Error{Code::kInvalid, "no such target " + target + ": " + ::gai_strerror(failed)};
  }
  Address address;
  std::memcpy(&address.storage, found->ai_addr, found->ai_addrlen);
  address.size = found->ai_addrlen;
  ::freeaddrinfo(found);
  return address;
}

Status check(const EmulatedLinkOptions& options) {
  if (options.rate_bits_per_second == 0 || options.rate_bits_per_second > kMaxRate) {
    return Error{Code::kInvalid, str("a rate of ", options.rate_bits_per_second, " bit/s; it is 1 to ", kMaxRate)};
  }
  if (options.round_trip < Nanoseconds(0) || options.round_trip > kMaxRoundTrip) {
    return Error{Code::kInvalid, str("a round trip of ", options.round_trip.count(), " ns; it is 0 to 10 s")};
  }
  if (options.window_bytes == 0 || options.window_bytes > kMaxWindowBytes) {
    return Error{Code::kInvalid, str("a window of ", options.window_bytes, " bytes; it is 1 to ", kMaxWindowBytes)};
  }
  return Done{};
}

Result<UniqueFd> listen_on(uint16_t port) {
  UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd.valid()) return system_error(errno, "cannot make a socket");
  const int on = 1;
  ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    if (errno == EADDRINUSE) return Error{Code::kBusy, str("cannot listen on port ", port, ": somebody else does")};
    return system_error(errno, str("cannot listen on port ", port));
  }
  if (::listen(fd.get(), 1024) != 0) return system_error(errno, str("cannot listen on port ", port));
  return fd;
}

Result<uint16_t> port_of(int fd) {
  sockaddr_in address{};
  socklen_t size = sizeof address;
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0) return system_error(errno, "getsockname");
  return ntohs(address.sin_port);
}

enum Side : size_t { kClient, kTarget };
Side other(Side side) { return side == kClient ? kTarget : kClient; }

// One end of a connection. What comes out of it goes through its direction's bottleneck to the other end.
struct End {
  UniqueFd fd;
  std::deque<Bytes> out;    // arrived for this end, not yet taken by its socket
  size_t out_offset = 0;    // how much of the first of them is taken
  size_t sent_bytes = 0;    // read from this end, not yet taken by the other
  uint32_t watched = 0;     // what epoll looks for
  bool said_all = false;    // it has closed its direction
  bool told_all = false;    // the other end's closing has arrived here
  bool passed_all = false;  // and was passed on
};

struct Connection {
  std::array<End, 2> ends;
  bool connected = false;  // to the target
  bool open = false;       // the handshake's round trip is over
  bool gone = false;
};
using ConnectionRef = std::shared_ptr<Connection>;

struct Segment {
  Time due;
  ConnectionRef connection;
  Bytes bytes;  // empty: the sender has closed its direction
};

// All that is on the way in one direction, and when its bottleneck is free again.
struct Direction {
  Time free;
  std::deque<Segment> on_the_way;
  std::atomic<uint64_t> carried_bytes{0};
};
}  // namespace

class EmulatedLink::Relay {
 public:
  Relay(const EmulatedLinkOptions& options, const Address& target, UniqueFd listener)
      : rate_(options.rate_bits_per_second),
        round_trip_(options.round_trip),
        window_bytes_(options.window_bytes),
        target_(target),
        listener_(std::move(listener)),
        epoll_(::epoll_create1(EPOLL_CLOEXEC)),
        timer_(::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK)),
        stop_(::eventfd(0, EFD_CLOEXEC)) {}

  Status prepare() {
    if (!epoll_.valid() || !timer_.valid() || !stop_.valid()) return system_error(errno, "cannot make an event loop");
    for (const int fd : {listener_.get(), timer_.get(), stop_.get()}) watch(fd, EPOLL_CTL_ADD, EPOLLIN);
    return Done{};
  }
  int listener() const { return listener_.get(); }

  void run() {
    std::array<epoll_event, 64> events{};
    for (;;) {
      const int count = ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), -1);
      for (int i = 0; i < count; ++i) {
        const epoll_event& event = events[static_cast<size_t>(i)];
        if (event.data.fd == stop_.get()) return;
        if (event.data.fd == listener_.get())
          accept_all();
        else if (event.data.fd == timer_.get())
          heed_timer();
        else
          serve(event.data.fd, event.events);
      }
      open_due();
      for (const Side from : {kClient, kTarget}) deliver_due(from);
      set_timer();
    }
  }

  void stop() {
    const uint64_t one = 1;
    if (::write(stop_.get(), &one, sizeof one) != sizeof one) std::abort();
  }

  Counters counters() const {
    return {.up_bytes = directions_[kClient].carried_bytes,
            .down_bytes = directions_[kTarget].carried_bytes,
            .connections = accepted_};
  }

 private:
  static Time now() { return std::chrono::steady_clock::now(); }

  void watch(int fd, int operation, uint32_t events) {
    epoll_event event{};
    event.events = events;
    event.data.fd = fd;
    ::epoll_ctl(epoll_.get(), operation, fd, &event);
  }

  // --- connections ------------------------------------------------------------------------------------------------

  void accept_all() {
    for (;;) {
      UniqueFd client(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
      if (!client.valid()) return;
      ++accepted_;
      add_connection(std::move(client));
    }
  }

  void add_connection(UniqueFd client) {
    UniqueFd target(::socket(target_.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!target.valid()) return;  // out of descriptors: the client sees its connection closed
    const int on = 1;
    for (const int fd : {client.get(), target.get()}) ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    const int refused = ::connect(target.get(), target_.get(), target_.size);
    if (refused != 0 && errno != EINPROGRESS) return;
    const auto connection = std::make_shared<Connection>();
    connection->ends[kClient].fd = std::move(client);
    connection->ends[kTarget].fd = std::move(target);
    for (const Side side : {kClient, kTarget}) by_fd_[connection->ends[side].fd.get()] = {connection, side};
    opening_.emplace_back(now() + round_trip_, connection);
    rewatch(*connection);
  }

  void close(const ConnectionRef& connection) {
    connection->gone = true;
    for (End& end : connection->ends) {
      by_fd_.erase(end.fd.get());
      end.fd.reset();  // epoll forgets it by itself
    }
  }

  void open_due() {
    while (!opening_.empty() && opening_.front().first <= now()) {
      const ConnectionRef connection = std::move(opening_.front().second);
      opening_.pop_front();
      connection->open = true;
      if (!connection->gone) rewatch(*connection);
    }
  }

  // --- from a socket into the bottleneck --------------------------------------------------------------------------

  void serve(int fd, uint32_t events) {
    const auto place = by_fd_.find(fd);
    if (place == by_fd_.end()) return;  // closed by an earlier event of this round
    const auto [connection, side] = place->second;
    if (side == kTarget && !connection->connected && !finish_connecting(*connection)) return close(connection);
    End& end = connection->ends[side];
    if ((events & EPOLLERR) != 0) return close(connection);
    if ((events & EPOLLOUT) != 0 && !pass_on(*connection, side)) return close(connection);
    if ((end.watched & EPOLLIN) != 0 && (events & (EPOLLIN | EPOLLHUP)) != 0 && !take(connection, side)) {
      return close(connection);
    }
    settle(connection);
  }

  bool finish_connecting(Connection& connection) {
    int failed = 0;
    socklen_t size = sizeof failed;
    ::getsockopt(connection.ends[kTarget].fd.get(), SOL_SOCKET, SO_ERROR, &failed, &size);
    connection.connected = failed == 0;
    return connection.connected;
  }

  // One segment, so that connections that have much to say take turns. False when the connection is broken.
  bool take(const ConnectionRef& connection, Side from) {
    End& end = connection->ends[from];
    Bytes bytes(std::min(kSegmentBytes, window_bytes_ - end.sent_bytes), '\0');
    const ssize_t n = ::recv(end.fd.get(), bytes.data(), bytes.size(), 0);
    if (n < 0) return errno == EAGAIN || errno == EINTR;
    bytes.resize(static_cast<size_t>(n));
    bytes.shrink_to_fit();
    end.sent_bytes += bytes.size();
    end.said_all = n == 0;
    Direction& direction = directions_[from];
    direction.free = std::max(direction.free, now()) + time_for(bytes.size());
    direction.on_the_way.push_back({direction.free + round_trip_ / 2, connection, std::move(bytes)});
    return true;
  }

  Nanoseconds time_for(size_t size_bytes) const {
    return Nanoseconds(static_cast<int64_t>(size_bytes * 8 * 1'000'000'000ULL / rate_));
  }

  // --- out at the other end ---------------------------------------------------------------------------------------

  void deliver_due(Side from) {
    auto& on_the_way = directions_[from].on_the_way;
    while (!on_the_way.empty() && on_the_way.front().due <= now()) {
      const Segment segment = std::move(on_the_way.front());
      on_the_way.pop_front();
      if (!segment.connection->gone) deliver(segment, from);
    }
  }

  void deliver(const Segment& segment, Side from) {
    End& end = segment.connection->ends[other(from)];
    if (segment.bytes.empty())
      end.told_all = true;
    else
      end.out.push_back(segment.bytes);
    if (!pass_on(*segment.connection, other(from))) return close(segment.connection);
    settle(segment.connection);
  }

  // As much as the socket takes. False when the connection is broken.
  bool pass_on(Connection& connection, Side to) {
    End& end = connection.ends[to];
    while (!end.out.empty()) {
      const ByteView rest = ByteView(end.out.front()).substr(end.out_offset);
      const ssize_t n = ::send(end.fd.get(), rest.data(), rest.size(), MSG_NOSIGNAL);
      if (n < 0) return errno == EAGAIN || errno == EINTR;
      connection.ends[other(to)].sent_bytes -= static_cast<size_t>(n);
      directions_[other(to)].carried_bytes += static_cast<size_t>(n);
      end.out_offset += static_cast<size_t>(n);
      if (end.out_offset < end.out.front().size()) continue;
      end.out.pop_front();
      end.out_offset = 0;
    }
    if (end.told_all && !end.passed_all) {
      ::shutdown(end.fd.get(), SHUT_WR);
      end.passed_all = true;
    }
    return true;
  }

  void settle(const ConnectionRef& connection) {
    const auto& ends = connection->ends;
    if (ends[kClient].passed_all && ends[kTarget].passed_all) return close(connection);
    rewatch(*connection);
  }

  // An end that nothing is wanted from is not watched at all: epoll would report its hanging up over and over.
  void rewatch(Connection& connection) {
    for (const Side side : {kClient, kTarget}) {
      End& end = connection.ends[side];
      uint32_t wanted = 0;
      if (side == kTarget && !connection.connected)
        wanted = EPOLLOUT;
      else {
        if (connection.open && connection.connected && !end.said_all && end.sent_bytes < window_bytes_)
          wanted |= EPOLLIN;
        if (!end.out.empty()) wanted |= EPOLLOUT;
      }
      if (wanted == end.watched) continue;
      watch(end.fd.get(), wanted == 0 ? EPOLL_CTL_DEL : end.watched == 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, wanted);
      end.watched = wanted;
    }
  }

  // --- time -------------------------------------------------------------------------------------------------------

  void heed_timer() {
    uint64_t expirations;
    if (::read(timer_.get(), &expirations, sizeof expirations) > 0) set_for_.reset();
  }

  void set_timer() {
    std::optional<Time> next;
    const auto consider = [&](Time time) { next = next ? std::min(*next, time) : time; };
    if (!opening_.empty()) consider(opening_.front().first);
    for (const Direction& direction : directions_) {
      if (!direction.on_the_way.empty()) consider(direction.on_the_way.front().due);
    }
    if (!next || next == set_for_) return;
    // Never all zero, which would disarm it; a time gone by rings at once.
    const int64_t at = std::max<int64_t>(1, next->time_since_epoch().count());
    itimerspec when{};
    when.it_value.tv_sec = at / 1'000'000'000;
    when.it_value.tv_nsec = at % 1'000'000'000;
    ::timerfd_settime(timer_.get(), TFD_TIMER_ABSTIME, &when, nullptr);
    set_for_ = next;
  }

  const uint64_t rate_;
  const Nanoseconds round_trip_;
  const size_t window_bytes_;
  const Address target_;
  const UniqueFd listener_, epoll_, timer_, stop_;

  std::array<Direction, 2> directions_;  // by the end that they come from
  std::unordered_map<int, std::pair<ConnectionRef, Side>> by_fd_;
  std::deque<std::pair<Time, ConnectionRef>> opening_;
  std::optional<Time> set_for_;
  std::atomic<uint64_t> accepted_{0};
};

Result<std::unique_ptr<EmulatedLink>> EmulatedLink::start(const EmulatedLinkOptions& options) {
  TRY_WITHIN("cannot emulate a link", check(options));
  const Address target = TRY_WITHIN("cannot emulate a link", resolve(options.target));
  UniqueFd listener = TRY_WITHIN("cannot emulate a link", listen_on(options.listen_port));
  auto relay = std::make_unique<Relay>(options, target, std::move(listener));
  TRY_WITHIN("cannot emulate a link", relay->prepare());
  TRY_WITHIN("cannot emulate a link", port_of(relay->listener()));
  return std::unique_ptr<EmulatedLink>(new EmulatedLink(std::move(relay)));
}

EmulatedLink::EmulatedLink(std::unique_ptr<Relay> relay)
    : relay_(std::move(relay)), port_(port_of(relay_->listener()).value()), thread_([this] { relay_->run(); }) {}

EmulatedLink::~EmulatedLink() {
  relay_->stop();
  thread_.join();
}

EmulatedLink::Counters EmulatedLink::counters() const { return relay_->counters(); }

namespace {
struct Unit {
  std::string_view name;
  uint64_t factor;
};

// A whole number and one of `units`.
std::optional<uint64_t> parse_with_unit(std::string_view text, const std::vector<Unit>& units) {
  uint64_t number = 0;
  const char* const end = text.data() + text.size();
  const auto [rest, failed] = std::from_chars(text.data(), end, number);
  if (failed != std::errc{}) return std::nullopt;
  for (const Unit& unit : units) {
    if (std::string_view(rest, static_cast<size_t>(end - rest)) != unit.name) continue;
    uint64_t product = 0;
    if (__builtin_mul_overflow(number, unit.factor, &product)) return std::nullopt;
    return product;
  }
  return std::nullopt;
}
}  // namespace

Result<uint64_t> parse_link_rate(std::string_view text) {
  const auto rate = parse_with_unit(text, {{"", 1}, {"k", 1'000}, {"M", 1'000'000}, {"G", 1'000'000'000}});
  if (!rate || *rate == 0 || *rate > kMaxRate) {
    return Error{Code::kInvalid, str("\"", text, "\" is not a rate; write bits a second, such as 100M (at most 100G)")};
  }
  return *rate;
}

Result<Nanoseconds> parse_round_trip(std::string_view text) {
  const auto time = parse_with_unit(text, {{"us", 1'000}, {"ms", 1'000'000}, {"s", 1'000'000'000}});
  if (!time || *time > static_cast<uint64_t>(kMaxRoundTrip.count())) {
    return Error{Code::kInvalid, str("\"", text, "\" is not a round trip; write 20ms, 500us or 1s (at most 10s)")};
  }
  return Nanoseconds(static_cast<int64_t>(*time));
}

}  // namespace granary
