#include "tests/support/emulated_link.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <functional>
#include <optional>
#include <thread>

#include "fs/base/bytes.h"
#include "fs/base/unique_fd.h"
#include "tests/support/waiting.h"

namespace granary {
namespace {

using std::chrono::milliseconds;

sockaddr_in loopback(uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  return address;
}

// False when nobody listens any more.
bool send_all(int fd, ByteView bytes) {
  for (ssize_t n; !bytes.empty(); bytes.remove_prefix(static_cast<size_t>(n))) {
    if ((n = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL)) <= 0) return false;
  }
  return true;
}

Bytes hear_until_end(int fd) {
  Bytes heard;
  char part[65536];
  for (ssize_t n; (n = ::recv(fd, part, sizeof part, 0)) > 0;) heard.append(part, static_cast<size_t>(n));
  return heard;
}

// A server on loopback that runs `converse` for each connection, in a thread of its own, and then closes it.
class Server {
 public:
  explicit Server(std::function<void(int fd)> converse) : listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address = loopback(0);
    socklen_t size = sizeof address;
    EXPECT_EQ(::bind(listener_.get(), reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(::listen(listener_.get(), 128), 0);
    EXPECT_EQ(::getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&address), &size), 0);
    port_ = ntohs(address.sin_port);
    acceptor_ = std::thread([this, converse = std::move(converse)] {
      std::vector<std::thread> talks;
      for (int fd; (fd = ::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC)) >= 0;) {
        talks.emplace_back([converse, fd] { converse(UniqueFd(fd).get()); });
      }
      for (std::thread& talk : talks) talk.join();
    });
  }
  ~Server() {
    ::shutdown(listener_.get(), SHUT_RDWR);
    acceptor_.join();
  }
  std::string address() const { return "127.0.0.1:" + std::to_string(port_); }

 private:
  UniqueFd listener_;
  uint16_t port_ = 0;
  std::thread acceptor_;
};

void echo(int fd) {
  char part[65536];
  for (ssize_t n; (n = ::recv(fd, part, sizeof part, 0)) > 0;) {
    if (!send_all(fd, {part, static_cast<size_t>(n)})) return;
  }
}

class Client {
 public:
  explicit Client(const EmulatedLink& link) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    const sockaddr_in address = loopback(link.port());
    EXPECT_EQ(::connect(fd_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  }
  void say(ByteView bytes) { EXPECT_TRUE(send_all(fd_.get(), bytes)); }
  void say_all() { ::shutdown(fd_.get(), SHUT_WR); }
  Bytes hear() { return hear_until_end(fd_.get()); }
  Bytes hear(size_t size_bytes) {
    Bytes heard(size_bytes, '\0');
    heard.resize(static_cast<size_t>(std::max<ssize_t>(0, ::recv(fd_.get(), heard.data(), size_bytes, MSG_WAITALL))));
    return heard;
  }
  int fd() const { return fd_.get(); }

 private:
  UniqueFd fd_;
};

std::unique_ptr<EmulatedLink> link_to(const std::string& target, EmulatedLinkOptions options) {
  options.target = target;
  return EmulatedLink::start(options).value();
}

EmulatedLinkOptions quick() {
  EmulatedLinkOptions options;
  options.rate_bits_per_second = 1'000'000'000;
  options.round_trip = milliseconds(2);
  return options;
}

template <class Function>
auto time_of(Function function) {
  const auto began = std::chrono::steady_clock::now();
  function();
  return std::chrono::steady_clock::now() - began;
}

// Different for each `number`, and nowhere the same twice in a row.
Bytes sample(size_t size_bytes, uint32_t number) {
  Bytes bytes(size_bytes, '\0');
  uint32_t state = number * 2654435761U + 1;
  for (char& byte : bytes) byte = static_cast<char>((state = state * 1664525U + 1013904223U) >> 24);
  return bytes;
}

TEST(EmulatedLinkTest, BytesArriveUnchangedBothWaysOverManyConnections) {
  EmulatedLinkOptions options = quick();
  options.window_bytes = 5000;  // so that senders are held up
  const Server server(echo);
  const auto link = link_to(server.address(), options);

  constexpr size_t kConnections = 20, kSize = 200'000;
  std::vector<std::thread> clients;
  for (uint32_t number = 0; number < kConnections; ++number) {
    clients.emplace_back([&link, number] {
      Client client(*link);
      const Bytes sent = sample(kSize + number, number);
      std::thread sender([&] {
        client.say(sent);
        client.say_all();
      });
      EXPECT_TRUE(client.hear() == sent) << "connection " << number;
      sender.join();
    });
  }
  for (std::thread& client : clients) client.join();
  const auto counters = link->counters();
  EXPECT_EQ(counters.connections, kConnections);
  EXPECT_EQ(counters.up_bytes, kConnections * kSize + kConnections * (kConnections - 1) / 2);
  EXPECT_EQ(counters.down_bytes, counters.up_bytes);
}

TEST(EmulatedLinkTest, ARoundTripTakesItsTimeAndTheFirstOneTwice) {
  EmulatedLinkOptions options = quick();
  options.round_trip = milliseconds(40);
  const Server server(echo);
  const auto link = link_to(server.address(), options);
  std::optional<Client> client;
  const auto ask = [&] {
    client->say("x");
    EXPECT_EQ(client->hear(1), "x");
  };
  const auto first = time_of([&] {
    client.emplace(*link);
    ask();
  });
  EXPECT_GE(first, milliseconds(80));
  EXPECT_GE(time_of(ask), milliseconds(40));
}

TEST(EmulatedLinkTest, AllConnectionsTogetherKeepToTheRate) {
  EmulatedLinkOptions options = quick();
  options.rate_bits_per_second = 20'000'000;
  const Server server([](int fd) { EXPECT_TRUE(send_all(fd, Bytes(100'000, 'x'))); });
  const auto link = link_to(server.address(), options);
  const auto took = time_of([&] {
    std::vector<std::thread> clients;
    for (int i = 0; i < 5; ++i) clients.emplace_back([&] { EXPECT_EQ(Client(*link).hear().size(), 100'000U); });
    for (std::thread& client : clients) client.join();
  });
  EXPECT_GE(took, milliseconds(200));  // 500,000 bytes at 2.5 MB/s
}

TEST(EmulatedLinkTest, OneDirectionDoesNotSlowTheOther) {
  EmulatedLinkOptions options = quick();
  options.rate_bits_per_second = 1'000'000;
  const Server server([](int fd) {
    EXPECT_TRUE(send_all(fd, "at once"));
    hear_until_end(fd);
  });
  const auto link = link_to(server.address(), options);
  Client talker(*link), listener(*link);
  talker.say(Bytes(250'000, 'x'));  // two seconds on the way up
  listener.hear(7);
  EXPECT_LT(link->counters().up_bytes, 250'000U);
}

TEST(EmulatedLinkTest, AHalfCloseIsPassedOn) {
  const Server server([](int fd) {
    const Bytes heard = hear_until_end(fd);  // ends only because the client's closing came through
    EXPECT_TRUE(send_all(fd, str("heard ", heard.size())));
  });
  const auto link = link_to(server.address(), quick());
  Client client(*link);
  client.say("question");
  client.say_all();
  EXPECT_EQ(client.hear(), "heard 8");
}

TEST(EmulatedLinkTest, ADeadTargetClosesTheClientsConnection) {
  std::string nobody;
  { nobody = Server(echo).address(); }
  const auto link = link_to(nobody, quick());
  EXPECT_EQ(Client(*link).hear(), "");
}

TEST(EmulatedLinkTest, AServerThatGivesUpEndsTheClientsConnection) {
  const Server server([](int fd) {
    const linger at_once{1, 0};
    ::setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);  // a reset
  });
  const auto link = link_to(server.address(), quick());
  Client client(*link);
  client.say("question");
  EXPECT_EQ(client.hear(), "");
}

TEST(EmulatedLinkTest, AClientThatDoesNotReadHoldsUpNobodyElse) {
  const Server server([](int fd) { (void)send_all(fd, Bytes(size_t{20} << 20, 'x')); });
  const auto link = link_to(server.address(), quick());
  const Client idle(*link);
  ASSERT_TRUE(eventually([&] { return link->counters().down_bytes > 0; }));
  EXPECT_EQ(Client(*link).hear().size(), size_t{20} << 20);
  ::shutdown(idle.fd(), SHUT_RDWR);
}

TEST(EmulatedLinkTest, AClientThatGoesEndsTheServersConversation) {
  Mailbox<bool> ended;
  const Server server([&](int fd) {
    while (send_all(fd, Bytes(65536, 'x'))) {
    }
    ended.deliver(true);
  });
  const auto link = link_to(server.address(), quick());
  { Client(*link).hear(100'000); }
  EXPECT_TRUE(ended.wait_for(1));
}

TEST(EmulatedLinkTest, TheEndOfTheLinkEndsItsConnections) {
  const Server server(echo);
  auto link = link_to(server.address(), quick());
  Client client(*link);
  client.say("x");
  EXPECT_EQ(client.hear(1), "x");
  link.reset();
  EXPECT_EQ(client.hear(), "");
}

TEST(EmulatedLinkTest, WhatCannotBeEmulatedIsRefused) {
  const Server server(echo);
  const auto refusal = [&](const std::function<void(EmulatedLinkOptions&)>& spoil) {
    EmulatedLinkOptions options;
    options.target = server.address();
    spoil(options);
    const auto link = EmulatedLink::start(options);
    return link ? Error{Code::kInternal, "it started"} : link.error();
  };
  EXPECT_EQ(refusal([](auto& options) { options.rate_bits_per_second = 0; }).code, Code::kInvalid);
  EXPECT_EQ(refusal([](auto& options) { options.round_trip = milliseconds(-1); }).code, Code::kInvalid);
  EXPECT_EQ(refusal([](auto& options) { options.round_trip = std::chrono::minutes(1); }).code, Code::kInvalid);
  EXPECT_EQ(refusal([](auto& options) { options.window_bytes = 0; }).code, Code::kInvalid);
  for (const char* target : {"", "127.0.0.1", ":80", "127.0.0.1:", "127.0.0.1:http!"}) {
    EXPECT_EQ(refusal([&](auto& options) { options.target = target; }).code, Code::kInvalid) << target;
  }
  const auto link = link_to(server.address(), quick());
  EXPECT_EQ(refusal([&](auto& options) { options.listen_port = link->port(); }).code, Code::kBusy);
}

TEST(EmulatedLinkTest, RatesAndRoundTripsAreReadWithTheirUnits) {
  EXPECT_EQ(parse_link_rate("100M").value(), 100'000'000U);
  EXPECT_EQ(parse_link_rate("512k").value(), 512'000U);
  EXPECT_EQ(parse_link_rate("1G").value(), 1'000'000'000U);
  EXPECT_EQ(parse_link_rate("9600").value(), 9600U);
  for (const char* text : {"", "0", "0M", "-1", "fast", "100m", "100 M", "101G", "1.5M", "99999999999999999999G"}) {
    EXPECT_EQ(parse_link_rate(text).error().code, Code::kInvalid) << text;
  }
  EXPECT_EQ(parse_round_trip("20ms").value(), milliseconds(20));
  EXPECT_EQ(parse_round_trip("500us").value(), std::chrono::microseconds(500));
  EXPECT_EQ(parse_round_trip("1s").value(), std::chrono::seconds(1));
  EXPECT_EQ(parse_round_trip("0ms").value(), milliseconds(0));
  for (const char* text : {"", "20", "-1ms", "soon", "11s", "18446744073709551615s"}) {
    EXPECT_EQ(parse_round_trip(text).error().code, Code::kInvalid) << text;
  }
}

}  // namespace
}  // namespace granary
