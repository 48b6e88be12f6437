#include <gtest/gtest.h>

#include <atomic>

#include "fs/net/transport.h"
#include "tests/support/faulty_server.h"
#include "tests/support/waiting.h"

namespace granary {
namespace {

using std::chrono::milliseconds;

class HttpTransportTest : public testing::Test {
 protected:
  HttpTransportTest() { server_.add("file", Bytes(10'000, 'g')); }

  void open(const std::function<void(HttpOptions&)>& adjust = {}) {
    HttpOptions options;
    options.proxy = "";
    options.stall_timeout = std::chrono::seconds(1);
    if (adjust) adjust(options);
    transport_ = open_transport(server_.url(), options).value();
  }
  static GetRequest request(const std::string& path, Priority priority = Priority::kDemand,
                            milliseconds patience = milliseconds(20'000)) {
    return {path, 1 << 20, priority, std::chrono::steady_clock::now() + patience};
  }
  Result<Bytes> get(GetRequest wanted) {
    const auto mailbox = std::make_shared<Mailbox<Bytes>>();
    const auto transfer =
        transport_->get(std::move(wanted), [mailbox](Result<Bytes> result) { mailbox->deliver(std::move(result)); });
    if (!mailbox->wait_for(1)) return Error{Code::kInternal, "never answered"};
    return mailbox->take(0);
  }
  // The error that `fault` becomes; the next, honest answer must be good again.
  Error meet(Fault fault, milliseconds patience = milliseconds(20'000)) {
    server_.then("file", fault);
    const auto result = get(request("file", Priority::kDemand, patience));
    EXPECT_TRUE(get(request("file")));
    return result ? Error{Code::kInternal, "no error at all"} : result.error();
  }
  void expect_unavailable(Fault fault, const std::string& cause, milliseconds patience = milliseconds(20'000)) {
    const Error error = meet(fault, patience);
    EXPECT_EQ(error.code, Code::kUnavailable) << error.message;
    EXPECT_NE(error.message.find("cannot fetch " + server_.url() + "/file: "), std::string::npos) << error.message;
    EXPECT_NE(error.message.find(cause), std::string::npos) << error.message;
  }

  FaultyServer server_;
  std::unique_ptr<Transport> transport_;
};

TEST_F(HttpTransportTest, EveryFaultIsAnErrorThatNamesUrlAndCause) {
  open();
  expect_unavailable(Fault::kServerError, "status 500");
  expect_unavailable(Fault::kTruncate, "5000 bytes remaining");
  server_.then("file", Fault::kReset);  // one on a kept connection is tried again at once
  expect_unavailable(Fault::kReset, "reset");
  expect_unavailable(Fault::kRedirectLoop, "redirects");
  expect_unavailable(Fault::kHang, "timed out", milliseconds(200));
  EXPECT_EQ(meet(Fault::kNotFound).code, Code::kNotFound);
  EXPECT_EQ(meet(Fault::kEndless).code, Code::kEndlessData);
}

TEST_F(HttpTransportTest, ASourceThatHangsOrTricklesIsGivenUpBeforeTheDeadline) {
  open();
  expect_unavailable(Fault::kHang, "too slow");
  expect_unavailable(Fault::kTrickle, "too slow");
}

TEST_F(HttpTransportTest, WhatOnlyVerifyingCanFindIsHandedOver) {
  open();
  for (const Fault fault : {Fault::kFlipBit, Fault::kHtml, Fault::kWrongLength}) {
    server_.then("file", fault);
    const auto result = get(request("file"));
    ASSERT_TRUE(result) << result.error().message;
    EXPECT_NE(*result, Bytes(10'000, 'g'));
  }
}

TEST_F(HttpTransportTest, ARedirectIsFollowed) {
  open();
  server_.then("file", Fault::kRedirectAway);
  EXPECT_EQ(get(request("file")).value(), Bytes(10'000, 'g'));
  EXPECT_EQ(server_.requests("elsewhere/file"), 1u);
}

TEST_F(HttpTransportTest, NobodyListeningIsUnavailableUntilSomebodyDoes) {
  open();
  server_.go_down();
  const auto refused = get(request("file"));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kUnavailable);
  server_.come_up();
  EXPECT_TRUE(get(request("file")));
}

TEST_F(HttpTransportTest, ANameThatDoesNotResolveIsUnavailable) {
  HttpOptions options;
  options.proxy = "";
  transport_ = open_transport("http://no-such-host.invalid", options).value();
  const auto result = get(request("file", Priority::kDemand, milliseconds(5'000)));
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, Code::kUnavailable);
}

TEST_F(HttpTransportTest, ConnectionsAreKeptAndNeverMoreThanAllowed) {
  open([](HttpOptions& options) { options.max_connections = 3; });
  Mailbox<Bytes> mailbox;
  std::vector<std::unique_ptr<Transfer>> transfers;
  for (int i = 0; i < 60; ++i) {
    transfers.push_back(
        transport_->get(request("file"), [&](Result<Bytes> result) { mailbox.deliver(std::move(result)); }));
  }
  ASSERT_TRUE(mailbox.wait_for(60));
  EXPECT_EQ(server_.requests("file"), 60u);
  EXPECT_LE(server_.connections(), 3u);
}

TEST_F(HttpTransportTest, DemandOvertakesPrefetch) {
  open([](HttpOptions& options) { options.max_connections = options.max_prefetches = 1; });
  server_.hold();
  Mutex mutex;
  std::vector<std::string> order;
  Mailbox<Bytes> mailbox;
  const auto ask = [&](const std::string& name, Priority priority) {
    server_.add(name, name);
    return transport_->get(request(name, priority), [&](Result<Bytes> result) {
      {
        const MutexLock lock(mutex);
        order.push_back(*result);
      }
      mailbox.deliver(std::move(result));
    });
  };
  const auto busy = ask("busy", Priority::kDemand);
  ASSERT_TRUE(eventually([&] { return server_.requests("busy") == 1; }));
  const auto later = ask("later", Priority::kPrefetch);
  const auto promoted = ask("promoted", Priority::kPrefetch);
  const auto demand = ask("demand", Priority::kDemand);
  promoted->expedite(Priority::kDemand, std::chrono::steady_clock::now() + std::chrono::seconds(20));
  server_.release();
  ASSERT_TRUE(mailbox.wait_for(4));
  EXPECT_EQ(order, (std::vector<std::string>{"busy", "demand", "promoted", "later"}));
}

TEST_F(HttpTransportTest, PrefetchLeavesConnectionsFreeForDemand) {
  open([](HttpOptions& options) {
    options.max_connections = 3;
    options.max_prefetches = 2;
  });
  server_.always("slow", Fault::kHang);
  std::vector<std::unique_ptr<Transfer>> prefetches;
  for (int i = 0; i < 10; ++i) {
    prefetches.push_back(transport_->get(request("slow", Priority::kPrefetch), [](const Result<Bytes>&) {}));
  }
  EXPECT_TRUE(get(request("file")));
  EXPECT_LE(server_.requests("slow"), 2u);
}

TEST_F(HttpTransportTest, BackgroundRunsOnlyWhenNothingElseDoesAndAtMostTwoAtOnce) {
  open([](HttpOptions& options) { options.max_connections = 6; });
  server_.hold();
  server_.add("quiet", "quiet");
  Mailbox<Bytes> mailbox;
  std::vector<std::unique_ptr<Transfer>> transfers;
  const auto ask = [&](const std::string& name, Priority priority) {
    transfers.push_back(
        transport_->get(request(name, priority), [&](Result<Bytes> result) { mailbox.deliver(std::move(result)); }));
  };
  ask("file", Priority::kPrefetch);
  ASSERT_TRUE(eventually([&] { return server_.requests("file") == 1; }));
  for (int i = 0; i < 5; ++i) ask("quiet", Priority::kBackground);
  ask("file", Priority::kDemand);
  ASSERT_TRUE(eventually([&] { return server_.requests("file") == 2; }));
  EXPECT_EQ(server_.requests("quiet"), 0u);
  server_.release();
  ASSERT_TRUE(mailbox.wait_for(2));

  server_.hold();
  ASSERT_TRUE(eventually([&] { return server_.requests("quiet") >= 2; }));
  ask("file", Priority::kDemand);  // its turn comes at once; whatever is in the background waits for it
  ASSERT_TRUE(eventually([&] { return server_.requests("file") == 3; }));
  EXPECT_LE(server_.requests("quiet"), 2u + mailbox.count());
  server_.release();
  EXPECT_TRUE(mailbox.wait_for(8));
}

TEST_F(HttpTransportTest, WhatBecomesAPrefetchLeavesTheBackground) {
  open([](HttpOptions& options) { options.max_connections = 3; });
  server_.always("slow", Fault::kHang);
  const auto hanging = transport_->get(request("slow", Priority::kPrefetch), [](const Result<Bytes>&) {});
  ASSERT_TRUE(eventually([&] { return server_.requests("slow") == 1; }));
  Mailbox<Bytes> mailbox;
  const auto raised = transport_->get(request("file", Priority::kBackground),
                                      [&](Result<Bytes> result) { mailbox.deliver(std::move(result)); });
  raised->expedite(Priority::kPrefetch, std::chrono::steady_clock::now() + std::chrono::seconds(20));
  EXPECT_TRUE(mailbox.wait_for(1));
}

TEST_F(HttpTransportTest, ACancelledTransferMakesRoomAndIsNeverAnswered) {
  open([](HttpOptions& options) { options.max_connections = 1; });
  server_.always("slow", Fault::kHang);
  std::atomic<bool> answered{false};
  auto stuck = transport_->get(request("slow"), [&](const Result<Bytes>&) { answered = true; });
  auto queued = transport_->get(request("slow"), [&](const Result<Bytes>&) { answered = true; });
  ASSERT_TRUE(eventually([&] { return server_.requests("slow") == 1; }));
  queued.reset();
  stuck.reset();
  EXPECT_TRUE(get(request("file")));
  EXPECT_FALSE(answered);
}

TEST_F(HttpTransportTest, WhatWaitsInTheQueueKeepsItsDeadlineToo) {
  open([](HttpOptions& options) { options.max_connections = 1; });
  server_.always("slow", Fault::kHang);
  const auto stuck =
      transport_->get(request("slow", Priority::kDemand, milliseconds(1'000)), [](const Result<Bytes>&) {});
  const auto result = get(request("file", Priority::kDemand, milliseconds(50)));
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, Code::kUnavailable);
  EXPECT_EQ(server_.requests("file"), 0u);
}

TEST_F(HttpTransportTest, SaysWhoAsksAndPastCachesOnlyWhenWanted) {
  open();
  ASSERT_TRUE(get(request("file")));
  EXPECT_NE(server_.last_header("file").find("User-Agent: granary/"), std::string::npos);
  EXPECT_EQ(server_.past_caches("file"), 0u);
  GetRequest fresh = request("file");
  fresh.past_caches = true;
  ASSERT_TRUE(get(fresh));
  EXPECT_EQ(server_.past_caches("file"), 1u);
}

TEST_F(HttpTransportTest, ItTellsHowATransferGoesOn) {
  open();
  std::atomic<int> begun{0};
  GetRequest watched = request("file");
  watched.progress = std::make_shared<TransferProgress>();
  watched.progress->on_begin = [&] { ++begun; };
  ASSERT_TRUE(get(watched));
  EXPECT_EQ(begun, 1);
  EXPECT_EQ(watched.progress->received_bytes, 10'000u);
  EXPECT_GE(watched.progress->first_byte.load(), watched.progress->began.load());
  EXPECT_NE(watched.progress->began.load(), Deadline{});
}

TEST_F(HttpTransportTest, ItTellsWhetherTheSourceIsToBlame) {
  open([](HttpOptions& options) { options.max_connections = 1; });
  const auto blamed = [&](milliseconds patience = milliseconds(20'000)) {
    GetRequest watched = request("file", Priority::kDemand, patience);
    watched.progress = std::make_shared<TransferProgress>();
    EXPECT_FALSE(get(watched));
    return watched.progress->trouble.load();
  };
  server_.then("file", Fault::kServerError);
  EXPECT_EQ(blamed(), Trouble::kBroken);
  server_.then("file", Fault::kTruncate);
  EXPECT_EQ(blamed(), Trouble::kBroken);
  server_.then("file", Fault::kHang);
  EXPECT_EQ(blamed(milliseconds(300)), Trouble::kSilent);
  server_.then("file", Fault::kTrickle);
  EXPECT_EQ(blamed(milliseconds(500)), Trouble::kNone);  // slow, and no more than that
  server_.always("slow", Fault::kHang);
  auto stuck = transport_->get(request("slow"), [](const Result<Bytes>&) {});
  EXPECT_EQ(blamed(milliseconds(50)), Trouble::kNone);  // it waited for its turn
  stuck.reset();
  server_.go_down();
  EXPECT_EQ(blamed(), Trouble::kUnreachable);
}

TEST_F(HttpTransportTest, ASourceThatHangsLeavesTheConnectionsOfOthersAlone) {
  FaultyServer other;
  other.add("file", "other");
  HttpOptions options;
  options.proxy = "";
  options.max_connections = options.max_prefetches = 2;
  auto both = open_transports({server_.url(), other.url()}, options).value();
  server_.always("*", Fault::kHang);
  std::vector<std::unique_ptr<Transfer>> stuck;
  for (int i = 0; i < 5; ++i) stuck.push_back(both[0]->get(request("file"), [](const Result<Bytes>&) {}));
  ASSERT_TRUE(eventually([&] { return server_.requests() == 2; }));
  transport_ = std::move(both[1]);
  EXPECT_EQ(get(request("file")).value(), "other");
  stuck.clear();
  both.clear();
}

TEST(TransportUrls, WhatWeCannotFetchFromIsABadUrl) {
  for (const char* url : {"", "repository", "ftp://host/x", "http://", "http://host/?x=1", "http://host/#top",
                          "file://x", "http://user:secret@host/", "http://ho st/"}) {
    const auto opened = open_transport(url);
    ASSERT_FALSE(opened) << url;
    EXPECT_EQ(opened.error().code, Code::kBadUrl) << url;
    EXPECT_EQ(opened.error().message.find("secret"), std::string::npos);
  }
}

TEST(TransportUrls, FileUrlsAreDecoded) {
  EXPECT_EQ(open_transport("file:///srv/my%20repository/").value()->base_url(), "file:///srv/my%20repository");
}

}  // namespace
}  // namespace granary
