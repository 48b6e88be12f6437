// What every Transport promises, whatever stands behind it.
#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>

#include "fs/base/file.h"
#include "fs/net/chosen_transport.h"
#include "fs/net/transport.h"
#include "tests/support/faulty_server.h"
#include "tests/support/waiting.h"

namespace granary {
namespace {

// A place that serves files, and the transport that reaches it.
class Site {
 public:
  virtual ~Site() = default;
  virtual void add(const std::string& path, const Bytes& content) = 0;
  virtual std::string url() const = 0;
  virtual std::unique_ptr<Transport> open(const HttpOptions& options) const {
    return open_transport(url() + "/", options).value();
  }
};

class HttpSite : public Site {
 public:
  void add(const std::string& path, const Bytes& content) override { server_.add(path, content); }
  std::string url() const override { return server_.url(); }

 private:
  FaultyServer server_;
};

class FileSite : public Site {
 public:
  void add(const std::string& path, const Bytes& content) override {
    const std::string full = directory_.path() + "/" + path;
    std::filesystem::create_directories(std::filesystem::path(full).parent_path());
    ASSERT_TRUE(replace_file(full, content, 0644, Durability::kFast));
  }
  std::string url() const override { return "file://" + directory_.path(); }

 private:
  TemporaryDirectory directory_ = TemporaryDirectory::make().value();
};

// The same, as the second of two sources; the first has nothing.
class ChosenSite : public HttpSite {
 public:
  std::unique_ptr<Transport> open(const HttpOptions& options) const override {
    return std::make_unique<ChosenTransport>(open_transports({empty_.url(), url()}, options).value());
  }

 private:
  FaultyServer empty_;
};

using MakeSite = std::unique_ptr<Site> (*)();

class TransportContract : public testing::TestWithParam<MakeSite> {
 protected:
  static GetRequest request(const std::string& path, size_t limit_bytes = 1 << 20) {
    return {path, limit_bytes, Priority::kDemand, std::chrono::steady_clock::now() + std::chrono::seconds(30)};
  }
  Result<Bytes> get(GetRequest wanted) {
    const auto mailbox = std::make_shared<Mailbox<Bytes>>();
    const auto transfer =
        transport_->get(std::move(wanted), [mailbox](Result<Bytes> result) { mailbox->deliver(std::move(result)); });
    if (!mailbox->wait_for(1)) return Error{Code::kInternal, "never answered"};
    return mailbox->take(0);
  }

  const std::unique_ptr<Site> site_ = GetParam()();
  HttpOptions options_ = [] {
    HttpOptions options;
    options.proxy = "";
    return options;
  }();
  std::unique_ptr<Transport> transport_ = site_->open(options_);
};

TEST_P(TransportContract, FilesComeAsTheyAre) {
  Bytes all_bytes;
  for (int i = 0; i < 300'000; ++i) all_bytes += static_cast<char>(i * 7 >> 3);
  site_->add("format.md", "{}");
  site_->add("objects/ab/cdef", all_bytes);
  site_->add("empty", "");
  EXPECT_EQ(get(request("format.md")).value(), "{}");
  EXPECT_EQ(get(request("objects/ab/cdef")).value(), all_bytes);
  EXPECT_EQ(get(request("empty")).value(), "");
}

TEST_P(TransportContract, WhatIsMissingIsNotFound) {
  const auto missing = get(request("log/7.json"));
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, Code::kNotFound);
  EXPECT_NE(missing.error().message.find(site_->url() + "/log/7.json"), std::string::npos) << missing.error().message;
}

TEST_P(TransportContract, TheLimitHoldsToTheByte) {
  site_->add("ten", "0123456789");
  EXPECT_TRUE(get(request("ten", 10)));
  const auto longer = get(request("ten", 9));
  ASSERT_FALSE(longer);
  EXPECT_EQ(longer.error().code, Code::kEndlessData);
  EXPECT_NE(longer.error().message.find(site_->url()), std::string::npos);
}

TEST_P(TransportContract, AfterTheDeadlineNothingComes) {
  site_->add("file", "content");
  GetRequest late = request("file");
  late.deadline = std::chrono::steady_clock::now() - std::chrono::seconds(1);
  const auto result = get(late);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, Code::kUnavailable);
}

TEST_P(TransportContract, ManyThreadsAskForManyFilesAtOnce) {
  for (int i = 0; i < 50; ++i) site_->add(str("file", i), str("content ", i));
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      Mailbox<Bytes> mailbox;
      std::vector<std::unique_ptr<Transfer>> transfers;
      for (int i = 0; i < 50; ++i) {
        transfers.push_back(
            transport_->get(request(str("file", i)), [&mailbox, &wrong, i](const Result<Bytes>& result) {
              if (!result || *result != str("content ", i)) ++wrong;
              mailbox.deliver(result);
            }));
      }
      if (!mailbox.wait_for(50)) ++wrong;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
}

TEST_P(TransportContract, ACallbackMayAskAgainAndDropItsTransfer) {
  site_->add("first", "1");
  site_->add("second", "2");
  Mailbox<Bytes> mailbox;
  Mutex mutex;  // keeps the callback from running before `transfer` is set
  std::unique_ptr<Transfer> transfer;
  {
    const MutexLock lock(mutex);
    transfer = transport_->get(request("first"), [&](const Result<Bytes>&) {
      const MutexLock relock(mutex);
      transfer = transport_->get(request("second"), [&](Result<Bytes> result) { mailbox.deliver(std::move(result)); });
    });
  }
  ASSERT_TRUE(mailbox.wait_for(1));
  EXPECT_EQ(mailbox.take(0).value(), "2");
  const MutexLock once_more(mutex);  // the callback may not have let go of it yet
}

TEST_P(TransportContract, DroppingATransferDropsWhatItsCallbackHolds) {
  site_->add("file", Bytes(100'000, 'x'));
  std::vector<std::weak_ptr<int>> held;
  for (int i = 0; i < 200; ++i) {
    auto token = std::make_shared<int>(i);
    held.emplace_back(token);
    const auto transfer = transport_->get(request("file"), [token](const Result<Bytes>&) {});
  }
  EXPECT_TRUE(eventually([&] {
    for (const auto& token : held) {
      if (!token.expired()) return false;
    }
    return true;
  }));
  EXPECT_TRUE(get(request("file")));
}

TEST_P(TransportContract, DestroyingItAnswersEverybodyOnce) {
  site_->add("file", Bytes(100'000, 'x'));
  Mailbox<Bytes> mailbox;
  std::vector<std::unique_ptr<Transfer>> transfers;
  for (int i = 0; i < 200; ++i) {
    transfers.push_back(
        transport_->get(request("file"), [&](Result<Bytes> result) { mailbox.deliver(std::move(result)); }));
  }
  transport_.reset();
  EXPECT_EQ(mailbox.count(), 200u);
  for (size_t i = 0; i < mailbox.count(); ++i) {
    const auto result = mailbox.take(i);
    EXPECT_TRUE(result || result.error().code == Code::kUnavailable);
  }
  transfers.front()->expedite(Priority::kDemand, std::chrono::steady_clock::now());  // nobody listens any more
}

TEST_P(TransportContract, TheBaseUrlHasNoTrailingSlash) { EXPECT_NE(transport_->base_url().back(), '/'); }

INSTANTIATE_TEST_SUITE_P(Http, TransportContract, testing::Values([] { return std::unique_ptr<Site>(new HttpSite); }));
INSTANTIATE_TEST_SUITE_P(Chosen, TransportContract,
                         testing::Values([] { return std::unique_ptr<Site>(new ChosenSite); }));
INSTANTIATE_TEST_SUITE_P(File, TransportContract, testing::Values([] { return std::unique_ptr<Site>(new FileSite); }));

}  // namespace
}  // namespace granary
