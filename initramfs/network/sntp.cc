// RFC 4330, section 4: 48 bytes, of which we send two: the mode, and as transmit timestamp a random number, which the
// server returns as originate timestamp; so nobody who has not seen the question can answer it. A server is asked in a
// thread of its own, because looking up its name can take longer than we wait: whoever is late is left behind.
#include "initramfs/network/sntp.h"

#include <netdb.h>
#include <poll.h>
#include <sys/random.h>
#include <sys/socket.h>

#include <algorithm>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>

#include "fs/base/file.h"
#include "fs/base/unique_fd.h"

namespace granary {

namespace {
using Steady = std::chrono::steady_clock;
constexpr size_t kPacketBytes = 48;
constexpr size_t kMostServers = 16;
constexpr std::chrono::milliseconds kForTheRest{300};  // once most have answered
constexpr int64_t kFrom1900To1970 = 2'208'988'800;

uint64_t big_endian(ByteView bytes, size_t at, size_t width) {
  uint64_t value = 0;
  for (size_t i = 0; i < width; ++i) value = value << 8 | static_cast<uint8_t>(bytes[at + i]);
  return value;
}

Bytes request(uint64_t origin) {
  Bytes packet(kPacketBytes, '\0');
  packet[0] = 0x23;  // no warning, version 4, client
  for (size_t i = 0; i < 8; ++i) packet[40 + i] = static_cast<char>(origin >> (8 * (7 - i)));
  return packet;
}

// What the answers have said: the server's clock less ours, which never jumps.
struct Poll {
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<int64_t> offsets;
  std::string trouble;  // the last
  size_t ended = 0;
};

int64_t steady_seconds() {
  return std::chrono::duration_cast<std::chrono::seconds>(Steady::now().time_since_epoch()).count();
}

struct Host {
  std::string name, port = "123";
};

// "HOST", "HOST:PORT", "[V6]:PORT", or an IPv6 address alone.
Host host_of(const std::string& text) {
  Host host{text};
  const size_t colon = text.rfind(':');
  if (text.starts_with('[')) {
    host.name = text.substr(1, text.find(']') - 1);
    if (colon != std::string::npos && colon > text.find(']')) host.port = text.substr(colon + 1);
  } else if (colon != std::string::npos && text.find(':') == colon) {
    host.name = text.substr(0, colon);
    host.port = text.substr(colon + 1);
  }
  return host;
}

Result<UniqueFd> connect_to(const std::string& server) {
  const Host host = host_of(server);
  addrinfo hints{};
  hints.ai_socktype = SOCK_DGRAM;
  addrinfo* found = nullptr;
  const int failure = ::getaddrinfo(host.name.c_str(), host.port.c_str(), &hints, &found);
  if (failure != 0) return Error{Code::kUnavailable, printable(server) + ": " + ::gai_strerror(failure)};
  Result<UniqueFd> connected = Error{Code::kUnavailable, printable(server) + ": no address"};
  for (const addrinfo* one = found; one != nullptr; one = one->ai_next) {
    UniqueFd fd(::socket(one->ai_family, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    if (fd.valid() && ::connect(fd.get(), one->ai_addr, one->ai_addrlen) == 0) {
      connected = std::move(fd);
      break;
    }
    connected = Error{Code::kUnavailable, system_error(errno, printable(server)).message};
  }
  ::freeaddrinfo(found);
  return connected;
}

Result<UnixSeconds> ask_one(const std::string& server, Steady::time_point deadline) {
  const UniqueFd fd = TRY(connect_to(server));
  uint64_t origin = 0;
  if (::getrandom(&origin, sizeof origin, 0) != sizeof origin) return system_error(errno, "no random numbers");
  const Bytes question = request(origin);
  if (::send(fd.get(), question.data(), question.size(), MSG_NOSIGNAL) < 0)
    return system_error(errno, printable(server));
  Error trouble{Code::kUnavailable, printable(server) + ": no answer"};
  for (;;) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Steady::now()).count();
    pollfd waiting{fd.get(), POLLIN, 0};
    if (left <= 0 || ::poll(&waiting, 1, static_cast<int>(left)) <= 0) return trouble;
    char packet[512];
    const ssize_t size = ::recv(fd.get(), packet, sizeof packet, 0);
    if (size < 0) return system_error(errno, printable(server));
    auto time = parse_sntp({packet, static_cast<size_t>(size)}, origin);
    if (time) return time;
    trouble = time.error().within(printable(server));  // perhaps somebody else's; the true answer may follow
  }
}

void ask(const std::string& server, Steady::time_point deadline, Poll& poll) {
  const auto time = ask_one(server, deadline);
  const std::lock_guard lock(poll.mutex);
  if (time)
    poll.offsets.push_back(*time - steady_seconds());
  else
    poll.trouble = time.error().message;
  ++poll.ended;
  poll.changed.notify_all();
}
}  // namespace

Result<UnixSeconds> ask_time(const std::vector<std::string>& servers, std::chrono::milliseconds timeout) {
  if (servers.empty()) return Error{Code::kUnavailable, "no time server is known; say granary.ntp="};
  const size_t count = std::min(servers.size(), kMostServers);
  const auto deadline = Steady::now() + timeout;
  const auto poll = std::make_shared<Poll>();
  for (size_t i = 0; i < count; ++i)
    std::thread([server = servers[i], deadline, poll] { ask(server, deadline, *poll); }).detach();
  std::unique_lock lock(poll->mutex);
  const auto all_ended = [&] { return poll->ended == count; };
  poll->changed.wait_until(lock, deadline, [&] { return all_ended() || poll->offsets.size() > count / 2; });
  poll->changed.wait_until(lock, std::min(deadline, Steady::now() + kForTheRest), all_ended);
  if (poll->offsets.empty())
    return Error{Code::kUnavailable, "no time server answered: " +
                                         (poll->trouble.empty() ? "in vain waited for " + servers[0] : poll->trouble)};
  auto& offsets = poll->offsets;
  std::sort(offsets.begin(), offsets.end());
  return offsets[(offsets.size() - 1) / 2] + steady_seconds();
}

Result<UnixSeconds> parse_sntp(ByteView packet, uint64_t origin) {
  const auto wrong = [](const char* why) { return Error{Code::kInvalid, std::string("not taken: ") + why}; };
  if (packet.size() < kPacketBytes) return wrong("too short for an SNTP answer");
  const unsigned first = static_cast<uint8_t>(packet[0]);
  const unsigned warning = first >> 6, version = (first >> 3) & 7, mode = first & 7;
  const unsigned stratum = static_cast<uint8_t>(packet[1]);
  if (mode != 4 || version == 0 || version > 4) return wrong("not a server's SNTP answer");
  if (big_endian(packet, 24, 8) != origin) return wrong("an answer to another question");
  if (stratum == 0)
    return Error{Code::kInvalid, "not taken: the server does not want us (" + printable(packet.substr(12, 4)) + ")"};
  if (warning == 3 || stratum > 15) return wrong("the server's clock is not set");
  const uint64_t transmitted = big_endian(packet, 40, 8);
  if (transmitted == 0) return wrong("an answer without a time");
  const auto seconds = static_cast<int64_t>(transmitted >> 32);
  const int64_t era = seconds < 0x80000000 ? int64_t{1} << 32 : 0;  // section 3: from 2036 on
  return seconds + era - kFrom1900To1970;
}

}  // namespace granary
