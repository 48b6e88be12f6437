#include "fs/net/fetcher.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <atomic>
#include <fstream>

#include "fs/base/file.h"
#include "fs/base/log.h"
#include "tests/support/faulty_server.h"
#include "tests/support/mem_cache.h"
#include "tests/support/waiting.h"

namespace granary {
namespace {

using std::chrono::milliseconds;

class FetcherTest : public testing::Test {
 protected:
  FetcherTest() { open({&server_}); }
  ~FetcherTest() override {
    fetcher_.reset();
    log::set_descriptor(STDERR_FILENO);
  }

  void SetUp() override {
    log_fd_ = open_file(directory_.path() + "/log", O_RDWR | O_CREAT | O_APPEND, 0600).value();
    log::set_descriptor(log_fd_.get());
  }
  void open(const std::vector<FaultyServer*>& servers, const std::function<void(FetcherOptions&)>& adjust = {}) {
    std::vector<std::string> urls;
    for (const FaultyServer* server : servers) urls.push_back(server->url());
    HttpOptions http;
    http.proxy = "";
    FetcherOptions options;
    options.repository = "sw.example.org";
    options.first_pause = milliseconds(1);
    options.failure_memory = milliseconds(0);
    options.deadline = milliseconds(10'000);
    if (adjust) adjust(options);
    fetcher_.emplace(open_transports(urls, http).value(), cache_, options);
  }
  ObjectId publish(const Bytes& plain, FaultyServer* server = nullptr) {
    const ObjectId id = ObjectId::of(plain);
    (server != nullptr ? *server : server_).add(object_path(id), encode_object(plain, {}));
    return id;
  }
  Code code_of(const ObjectId& id) {
    const auto result = fetcher_->read(id);
    return result ? Code{} : result.error().code;
  }
  std::string logged() { return read_file(directory_.path() + "/log", 1 << 20).value(); }

  TemporaryDirectory directory_ = TemporaryDirectory::make().value();
  UniqueFd log_fd_;
  FaultyServer server_;
  MemCache cache_;
  std::optional<Fetcher> fetcher_;
};

TEST_F(FetcherTest, AnObjectIsFetchedOnceAndThenComesFromTheCache) {
  const auto id = publish("hello");
  EXPECT_EQ(**fetcher_->read(id), "hello");
  ASSERT_TRUE(eventually([&] { return cache_.stats().puts == 1; }));
  EXPECT_EQ(**fetcher_->read(id), "hello");
  EXPECT_EQ(server_.requests(), 1u);
  const FetcherStats stats = fetcher_->stats();
  EXPECT_EQ(stats.misses, 1u);
  EXPECT_EQ(stats.hits, 1u);
  EXPECT_EQ(stats.requests, 1u);
  EXPECT_GT(stats.received_bytes, 0u);
}

TEST_F(FetcherTest, HoweverManyAskThereIsOneDownload) {
  const auto id = publish("hello");
  server_.hold();
  Mailbox<ObjectHandle> mailbox;
  for (int i = 0; i < 100; ++i) {
    fetcher_->fetch(id, i % 2 == 0 ? Priority::kPrefetch : Priority::kDemand,
                    [&](Result<ObjectHandle> result) { mailbox.deliver(std::move(result)); });
  }
  EXPECT_EQ(mailbox.count(), 0u);
  EXPECT_EQ(fetcher_->stats().in_flight, 1u);
  server_.release();
  ASSERT_TRUE(mailbox.wait_for(100));
  for (size_t i = 0; i < 100; ++i) EXPECT_EQ(**mailbox.take(i)->whole(), "hello");
  EXPECT_EQ(server_.requests(), 1u);
  EXPECT_EQ(fetcher_->stats().joined, 99u);
}

TEST_F(FetcherTest, ADemandRaisesWhatIsFetchedInTheBackground) {
  const auto busy = publish("busy");
  const auto wanted = publish("wanted");
  server_.always(object_path(busy), Fault::kHang);
  fetcher_->fetch(busy, Priority::kPrefetch, {});
  ASSERT_TRUE(eventually([&] { return server_.requests() == 1; }));
  Mailbox<ObjectHandle> mailbox;
  fetcher_->fetch(wanted, Priority::kBackground, [&](Result<ObjectHandle> got) { mailbox.deliver(std::move(got)); });
  EXPECT_EQ(**fetcher_->read(wanted), "wanted");
  EXPECT_TRUE(mailbox.wait_for(1));
  EXPECT_EQ(server_.requests(object_path(wanted)), 1u);
}

TEST_F(FetcherTest, WhatADemandRaisesHasTheDeadlineOfADemand) {
  open({&server_}, [](FetcherOptions& options) { options.deadline = milliseconds(700); });
  const auto id = publish("hello");
  server_.always(object_path(id), Fault::kHang);
  Mailbox<ObjectHandle> mailbox;
  fetcher_->fetch(id, Priority::kBackground, [&](Result<ObjectHandle> got) { mailbox.deliver(std::move(got)); });
  ASSERT_TRUE(eventually([&] { return server_.requests() == 1; }));
  EXPECT_EQ(code_of(id), Code::kUnavailable);
  EXPECT_TRUE(mailbox.wait_for(1));  // not in the fourteen seconds that the background has
}

TEST_F(FetcherTest, ManyThreadsReadManyObjects) {
  std::vector<ObjectId> ids;
  for (int i = 0; i < 40; ++i)
    ids.push_back(publish(str("content ", i) + Bytes(5'000, static_cast<char>('a' + i % 26))));
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 6; ++t) {
    threads.emplace_back([&, t] {
      for (size_t i = 0; i < ids.size(); ++i) {
        const auto& id = ids[(i * 7 + static_cast<size_t>(t)) % ids.size()];
        const auto bytes = fetcher_->read(id);
        if (!bytes || ObjectId::of(**bytes) != id) ++wrong;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
  EXPECT_EQ(server_.requests(), ids.size());
}

TEST_F(FetcherTest, ADamagedAnswerIsFetchedOnceMorePastCaches) {
  for (const Fault fault : {Fault::kFlipBit, Fault::kHtml, Fault::kWrongLength, Fault::kEndless}) {
    const auto id = publish(str("hello ", static_cast<int>(fault)));
    server_.then(object_path(id), fault);
    EXPECT_TRUE(fetcher_->read(id)) << static_cast<int>(fault);
    EXPECT_EQ(server_.requests(object_path(id)), 2u);
    EXPECT_EQ(server_.past_caches(object_path(id)), 1u);
  }
  EXPECT_NE(logged().find("warn fetch recovered repository=sw.example.org object="), std::string::npos) << logged();
}

TEST_F(FetcherTest, CorruptBytesNeverEnterTheCacheAndTheNextHonestAnswerHeals) {
  const auto id = publish("hello");
  server_.then(object_path(id), Fault::kFlipBit).then(object_path(id), Fault::kHtml);
  EXPECT_EQ(code_of(id), Code::kCorrupt);
  EXPECT_FALSE(cache_.open(id));
  EXPECT_EQ(**fetcher_->read(id), "hello");
  EXPECT_EQ(fetcher_->stats().corrupt, 2u);
  EXPECT_EQ(fetcher_->stats().failures, 1u);
}

TEST_F(FetcherTest, AnObjectUnderAnotherName) {
  const auto id = publish("hello");
  server_.add(object_path(id), encode_object("something else", {}));
  EXPECT_EQ(code_of(id), Code::kCorrupt);
}

TEST_F(FetcherTest, AFailureIsOneLineThatNamesRepositoryObjectSourceAndCause) {
  const auto id = ObjectId::of("nobody has this");
  EXPECT_EQ(code_of(id), Code::kNotFound);
  const std::string line = logged();
  EXPECT_EQ(std::count(line.begin(), line.end(), '\n'), 1) << line;
  for (const std::string& part : {std::string("error fetch failed repository=sw.example.org"), "object=" + id.hex(),
                                  "source=" + server_.url(), std::string("code=not-found"), std::string("404")}) {
    EXPECT_NE(line.find(part), std::string::npos) << part << " in " << line;
  }
}

TEST_F(FetcherTest, AnOutageIsTriedAgainAFewTimesAndHeals) {
  const auto id = publish("hello");
  server_.then("*", Fault::kServerError).then("*", Fault::kReset).then("*", Fault::kTruncate);
  EXPECT_EQ(**fetcher_->read(id), "hello");
  const auto other = publish("other");
  server_.always("*", Fault::kServerError);
  EXPECT_EQ(code_of(other), Code::kUnavailable);
  EXPECT_EQ(server_.requests(object_path(other)), 4u);
  server_.always("*", Fault::kNone);
  EXPECT_EQ(**fetcher_->read(other), "other");
}

TEST_F(FetcherTest, NoRequestOutlivesItsDeadline) {
  open({&server_}, [](FetcherOptions& options) { options.deadline = milliseconds(100); });
  const auto id = publish("hello");
  server_.then(object_path(id), Fault::kHang);
  const auto result = fetcher_->read(id);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, Code::kUnavailable);
  for (const std::string& part : {id.hex(), server_.url(), std::string("timed out")}) {
    EXPECT_NE(result.error().message.find(part), std::string::npos) << result.error().message;
  }
  EXPECT_TRUE(eventually([&] { return fetcher_->read(id).has_value(); }));
}

TEST_F(FetcherTest, TheSameErrorIsRepeatedForAMomentInsteadOfStorming) {
  open({&server_}, [](FetcherOptions& options) { options.failure_memory = milliseconds(60'000); });
  const auto id = ObjectId::of("nobody has this");
  for (int i = 0; i < 50; ++i) EXPECT_EQ(code_of(id), Code::kNotFound);
  EXPECT_EQ(server_.requests(), 1u);
}

TEST_F(FetcherTest, ASecondSourceStepsInAndIsKept) {
  FaultyServer second;
  open({&server_, &second});
  const auto a = publish("a", &second);  // the first does not have it
  EXPECT_EQ(**fetcher_->read(a), "a");
  EXPECT_EQ(server_.requests(), 1u);
  const auto b = publish("b", &second);
  publish("b");
  EXPECT_EQ(**fetcher_->read(b), "b");
  EXPECT_EQ(server_.requests(), 1u);  // who answered last is asked first
  second.go_down();
  const auto c = publish("c");
  EXPECT_EQ(**fetcher_->read(c), "c");
}

TEST_F(FetcherTest, SourcesThatFailDifferentlyAreToldApart) {
  FaultyServer second;
  open({&server_, &second});
  const auto id = publish("a", &second);
  second.always("*", Fault::kServerError);
  EXPECT_EQ(code_of(id), Code::kUnavailable);  // the second may have it
  second.always("*", Fault::kFlipBit);
  EXPECT_EQ(code_of(id), Code::kCorrupt);
  second.always("*", Fault::kNotFound);
  EXPECT_EQ(code_of(id), Code::kNotFound);
}

TEST_F(FetcherTest, ASourceThatHangsLeavesTimeForTheNext) {
  FaultyServer second;
  open({&server_, &second}, [](FetcherOptions& options) { options.deadline = milliseconds(1'000); });
  const auto id = publish("a", &second);
  server_.always("*", Fault::kHang);
  EXPECT_EQ(**fetcher_->read(id), "a");
}

TEST_F(FetcherTest, WithoutACacheObjectsStreamAndTheRecentOnesStayInMemory) {
  cache_.refuse(true);
  const auto id = publish("hello");
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(**fetcher_->read(id), "hello");
    ASSERT_TRUE(eventually([&] { return fetcher_->stats().in_flight == 0; }));
  }
  EXPECT_EQ(server_.requests(), 1u);
}

TEST_F(FetcherTest, ADiscardedObjectIsFetchedAnew) {
  const auto id = publish("hello");
  ASSERT_TRUE(fetcher_->read(id));
  ASSERT_TRUE(eventually([&] { return fetcher_->stats().in_flight == 0; }));
  fetcher_->discard(id);
  EXPECT_TRUE(fetcher_->read(id));
  EXPECT_EQ(server_.requests(), 2u);
}

TEST_F(FetcherTest, DocumentsComeAsTheyAreAndCachesAskWhetherTheirHeadIsStillGood) {
  server_.add("head.json", "{\"granary\":\"head\"}");
  server_.add("log/1.json", "{}");
  EXPECT_EQ(fetcher_->read_document("head.json", 1000, Fetcher::Freshness::kFresh).value(), "{\"granary\":\"head\"}");
  EXPECT_EQ(fetcher_->read_document("log/1.json", 1000, Fetcher::Freshness::kAnyCopy).value(), "{}");
  EXPECT_EQ(server_.revalidated("head.json"), 1u);
  EXPECT_EQ(server_.revalidated("log/1.json"), 0u);
  const auto missing = fetcher_->read_document("log/2.json", 1000, Fetcher::Freshness::kAnyCopy);
  EXPECT_EQ(missing.error().code, Code::kNotFound);
  const auto endless = fetcher_->read_document("head.json", 5, Fetcher::Freshness::kFresh);
  EXPECT_EQ(endless.error().code, Code::kEndlessData);
}

TEST_F(FetcherTest, WhoStillWaitsAtTheEndIsAnswered) {
  server_.always("*", Fault::kHang);
  Mailbox<ObjectHandle> objects;
  Mailbox<Bytes> documents;
  for (int i = 0; i < 50; ++i) {
    fetcher_->fetch(ObjectId::of(str(i)), Priority::kDemand,
                    [&](Result<ObjectHandle> result) { objects.deliver(std::move(result)); });
  }
  fetcher_->fetch_document("head.json", 100, Fetcher::Freshness::kFresh,
                           [&](Result<Bytes> result) { documents.deliver(std::move(result)); });
  fetcher_.reset();
  ASSERT_EQ(objects.count(), 50u);
  ASSERT_EQ(documents.count(), 1u);
  EXPECT_EQ(objects.take(0).error().code, Code::kUnavailable);
  EXPECT_EQ(documents.take(0).error().code, Code::kUnavailable);
}

TEST_F(FetcherTest, ThousandsOfMissesNeedNoThreadsOfTheirOwn) {
  server_.always("*", Fault::kHang);
  const auto threads = [] {
    std::ifstream status("/proc/self/status");
    for (std::string line; std::getline(status, line);) {
      if (line.starts_with("Threads:")) return std::stoi(line.substr(8));
    }
    return 0;
  };
  const int before = threads();
  std::atomic<int> answered{0};
  for (int i = 0; i < 5'000; ++i) {
    fetcher_->fetch(ObjectId::of(str(i)), Priority::kDemand, [&](const Result<ObjectHandle>&) { ++answered; });
  }
  EXPECT_EQ(fetcher_->stats().in_flight, 5'000u);
  EXPECT_LE(threads() - before, 16);  // the server's own, one a connection
  fetcher_.reset();
  EXPECT_EQ(answered, 5'000);
}

}  // namespace
}  // namespace granary
