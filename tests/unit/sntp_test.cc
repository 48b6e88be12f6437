#include "initramfs/network/sntp.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>

#include <functional>
#include <thread>

#include "fs/base/unique_fd.h"

namespace granary {
namespace {
constexpr UnixSeconds kNoon = 1'795'000'000;
constexpr std::chrono::milliseconds kPatience{5000};

void put(Bytes& packet, size_t at, uint64_t value) {
  for (size_t i = 0; i < 8; ++i) packet[at + i] = static_cast<char>(value >> (8 * (7 - i)));
}

// An honest answer to `question`.
Bytes answer_to(ByteView question, UnixSeconds time) {
  Bytes packet(48, '\0');
  packet[0] = 0x24;  // version 4, server
  packet[1] = 2;     // stratum
  packet.replace(24, 8, question.substr(40, 8));
  put(packet, 40, static_cast<uint64_t>(time + 2'208'988'800) << 32);
  return packet;
}

// A server on loopback that answers each question with what `answers` makes of it.
class TimeServer {
 public:
  using Answers = std::function<std::vector<Bytes>(ByteView question)>;
  explicit TimeServer(Answers answers) : answers_(std::move(answers)), fd_(::socket(AF_INET, SOCK_DGRAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    EXPECT_EQ(::bind(fd_.get(), reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(::getsockname(fd_.get(), reinterpret_cast<sockaddr*>(&address), &size), 0);
    name_ = "127.0.0.1:" + std::to_string(ntohs(address.sin_port));
    thread_ = std::thread([this] { serve(); });
  }
  ~TimeServer() {
    stopped_ = true;
    thread_.join();
  }
  const std::string& name() const { return name_; }

 private:
  void serve() {
    while (!stopped_) {
      pollfd waiting{fd_.get(), POLLIN, 0};
      if (::poll(&waiting, 1, 20) <= 0) continue;
      char question[512];
      sockaddr_in from{};
      socklen_t size = sizeof from;
      const ssize_t got =
          ::recvfrom(fd_.get(), question, sizeof question, 0, reinterpret_cast<sockaddr*>(&from), &size);
      if (got < 48) continue;
      for (const Bytes& answer : answers_({question, static_cast<size_t>(got)}))
        ::sendto(fd_.get(), answer.data(), answer.size(), 0, reinterpret_cast<sockaddr*>(&from), size);
    }
  }

  const Answers answers_;
  const UniqueFd fd_;
  std::string name_;
  std::atomic<bool> stopped_ = false;
  std::thread thread_;
};

TimeServer::Answers honest(UnixSeconds time) {
  return [time](ByteView question) { return std::vector{answer_to(question, time)}; };
}

TEST(SntpTest, AnHonestServerSaysTheTime) {
  const TimeServer server(honest(kNoon));
  const auto time = ask_time({server.name()}, kPatience);
  ASSERT_TRUE(time) << time.error().message;
  EXPECT_NEAR(static_cast<double>(*time), static_cast<double>(kNoon), 2);
}

TEST(SntpTest, TheMedianOutvotesALiar) {
  const TimeServer early(honest(kNoon - 1'000'000)), one(honest(kNoon)), two(honest(kNoon + 1)),
      late(honest(kNoon + 900'000'000));
  for (const TimeServer* liar : {&early, &late}) {
    const auto time = ask_time({liar->name(), one.name(), two.name()}, kPatience);
    ASSERT_TRUE(time);
    EXPECT_NEAR(static_cast<double>(*time), static_cast<double>(kNoon), 3);
  }
}

TEST(SntpTest, AnswersToOtherQuestionsAreSteppedOver) {
  const TimeServer server([](ByteView question) {
    Bytes guessed = answer_to(question, kNoon - 5'000'000);
    guessed[24] = static_cast<char>(guessed[24] ^ 1);
    return std::vector<Bytes>{"short", guessed, answer_to(question, kNoon)};
  });
  const auto time = ask_time({server.name()}, kPatience);
  ASSERT_TRUE(time);
  EXPECT_NEAR(static_cast<double>(*time), static_cast<double>(kNoon), 2);
}

TEST(SntpTest, SilenceAndRefusalsEndInTime) {
  const TimeServer silent([](ByteView) { return std::vector<Bytes>(); });
  const TimeServer unwilling([](ByteView question) {
    Bytes kiss = answer_to(question, kNoon);
    kiss[1] = 0;
    kiss.replace(12, 4, "RATE");
    return std::vector{kiss};
  });
  const auto none = ask_time({silent.name(), unwilling.name()}, std::chrono::milliseconds(200));
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, Code::kUnavailable);
  EXPECT_EQ(ask_time({}, kPatience).error().code, Code::kUnavailable);
}

TEST(SntpTest, OneWhoAnswersIsEnough) {
  const TimeServer silent([](ByteView) { return std::vector<Bytes>(); }), server(honest(kNoon));
  EXPECT_TRUE(ask_time({silent.name(), server.name()}, std::chrono::milliseconds(500)));
}

TEST(SntpTest, WhatIsNoAnswerIsRefused) {
  Bytes question(48, '\0');
  put(question, 40, 0x0123456789abcdef);
  const Bytes good = answer_to(question, kNoon);
  EXPECT_EQ(*parse_sntp(good, 0x0123456789abcdef), kNoon);
  const auto spoilt = [&](size_t at, int value) {
    Bytes bad = good;
    bad[at] = static_cast<char>(value);
    return parse_sntp(bad, 0x0123456789abcdef);
  };
  EXPECT_FALSE(spoilt(0, 0x23));  // a client's
  EXPECT_FALSE(spoilt(0, 0xe4));  // the clock is not set
  EXPECT_FALSE(spoilt(0, 0x04));  // version 0
  EXPECT_NE(spoilt(1, 0).error().message.find("does not want us"), std::string::npos);
  EXPECT_FALSE(spoilt(1, 16));
  EXPECT_FALSE(parse_sntp(good, 1));
  EXPECT_FALSE(parse_sntp(good.substr(0, 47), 0x0123456789abcdef));
  Bytes timeless = good;
  put(timeless, 40, 0);
  EXPECT_FALSE(parse_sntp(timeless, 0x0123456789abcdef));
}

TEST(SntpTest, TimesAfter2036AreOfTheNextEra) {
  Bytes question(48, '\0');
  const UnixSeconds in_2040 = 2'210'000'000;
  EXPECT_EQ(*parse_sntp(answer_to(question, in_2040), 0), in_2040);
}

}  // namespace
}  // namespace granary
