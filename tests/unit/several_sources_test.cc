// A fetcher with several sources, over real connections to servers that lie.
#include <gtest/gtest.h>

#include <atomic>
#include <fstream>

#include "fs/base/log.h"
#include "fs/net/fetcher.h"
#include "tests/support/faulty_server.h"
#include "tests/support/mem_cache.h"
#include "tests/support/waiting.h"

namespace granary {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using State = SourceHealth::State;
using Steady = std::chrono::steady_clock;

class SeveralSourcesTest : public testing::Test {
 protected:
  SeveralSourcesTest() { open({&first_, &second_}); }

  void open(const std::vector<FaultyServer*>& servers, const std::function<void(FetcherOptions&)>& adjust = {}) {
    std::vector<std::string> urls;
    for (const FaultyServer* server : servers) urls.push_back(server->url());
    HttpOptions http;
    http.proxy = "";
    FetcherOptions options;
    options.first_pause = milliseconds(1);
    options.failure_memory = milliseconds(0);
    options.longest_failure_memory = milliseconds(0);
    options.failure_level = log::Level::kDebug;
    if (adjust) adjust(options);
    fetcher_.emplace(open_transports(urls, http).value(), cache_, options);
  }
  // On both servers.
  ObjectId publish(const Bytes& plain) {
    const ObjectId id = ObjectId::of(plain);
    for (FaultyServer* server : {&first_, &second_}) server->add(object_path(id), encode_object(plain, {}));
    return id;
  }
  // So that the first one has a history of quick answers.
  void warm_up() {
    for (int i = 0; i < 20; ++i) ASSERT_TRUE(fetcher_->read(publish(str("warm ", i, Bytes(5'000, 'w')))));
    ASSERT_EQ(second_.requests(), 0u);
  }
  Code code_of(const ObjectId& id) {
    const auto result = fetcher_->read(id);
    return result ? Code{} : result.error().code;
  }
  SourceStatus source(size_t number) { return fetcher_->sources()[number]; }

  FaultyServer first_, second_;
  MemCache cache_;
  std::optional<Fetcher> fetcher_;
};

TEST_F(SeveralSourcesTest, WhatIsSlowForItsSourceIsAskedOfTheNextOneToo) {
  warm_up();
  const auto id = publish("wanted");
  first_.always(object_path(id), Fault::kHang);
  const auto began = Steady::now();
  EXPECT_EQ(**fetcher_->read(id), "wanted");
  EXPECT_LT(Steady::now() - began, seconds(2));  // not after the twenty seconds that silence takes
  EXPECT_EQ(source(1).hedges, 1u);
  EXPECT_EQ(source(1).hedge_wins, 1u);
  EXPECT_EQ(source(0).state, State::kHealthy);  // slow, not ill
}

TEST_F(SeveralSourcesTest, ATrickleIsLeftForAnotherSource) {
  warm_up();
  Bytes noise;
  for (int i = 0; i < 5'000; ++i) noise += static_cast<char>(i * 7919 >> 5);
  const auto id = publish(noise);
  first_.always(object_path(id), Fault::kTrickle);  // twenty milliseconds a byte, well above any limit on low speed
  EXPECT_EQ(**fetcher_->read(id), noise);
  EXPECT_EQ(source(1).hedge_wins, 1u);
  EXPECT_GT(source(0).wasted_bytes, 0u);
}

TEST_F(SeveralSourcesTest, OnlyDemandsAreWorthASecondRequest) {
  warm_up();
  const auto id = publish("later");
  first_.always(object_path(id), Fault::kHang);
  fetcher_->fetch(id, Priority::kPrefetch, {});
  ASSERT_TRUE(eventually([&] { return first_.requests(object_path(id)) == 1; }));
  std::this_thread::sleep_for(milliseconds(150));
  EXPECT_EQ(source(1).hedges, 0u);
  EXPECT_EQ(**fetcher_->read(id), "later");  // now somebody waits for it
}

TEST_F(SeveralSourcesTest, AStandstillOfTheOnlySourceIsTriedOnANewConnection) {
  open({&first_});
  const auto id = publish("wanted");
  first_.then(object_path(id), Fault::kHang);  // a connection that a router has forgotten
  const auto began = Steady::now();
  EXPECT_EQ(**fetcher_->read(id), "wanted");
  EXPECT_LT(Steady::now() - began, seconds(8));
  EXPECT_EQ(first_.requests(object_path(id)), 2u);
}

TEST_F(SeveralSourcesTest, EveryFaultOfTheFirstMovesOnToTheSecond) {
  for (const Fault fault : {Fault::kNotFound, Fault::kServerError, Fault::kTruncate, Fault::kWrongLength,
                            Fault::kFlipBit, Fault::kReset, Fault::kHtml, Fault::kRedirectLoop, Fault::kEndless}) {
    open({&first_, &second_});
    const Bytes plain = str("wanted ", static_cast<int>(fault));
    const auto id = publish(plain);
    first_.always(object_path(id), fault);
    const auto began = Steady::now();
    EXPECT_EQ(**fetcher_->read(id), plain) << static_cast<int>(fault);
    EXPECT_LT(Steady::now() - began, seconds(5)) << static_cast<int>(fault);
  }
}

TEST_F(SeveralSourcesTest, AMirrorThatLacksWhatAnotherHasIsBehindNotIll) {
  const auto id = publish("new");
  first_.remove(object_path(id));
  EXPECT_TRUE(fetcher_->read(id));
  EXPECT_EQ(source(0).state, State::kBehind);
  EXPECT_EQ(source(0).missing, 1u);
  EXPECT_EQ(source(0).errors, 0u);
  const auto nowhere = ObjectId::of("nobody has this");
  EXPECT_EQ(code_of(nowhere), Code::kNotFound);
  EXPECT_EQ(source(1).state, State::kHealthy);  // nobody has it: that is nobody's fault
}

TEST_F(SeveralSourcesTest, APageInThePlaceOfADocumentMovesOn) {
  second_.add("log/3.json", "{}");
  first_.always("log/3.json", Fault::kHtml);
  EXPECT_EQ(fetcher_->read_document("log/3.json", 1000, Fetcher::Freshness::kAnyCopy).value(), "{}");
}

TEST_F(SeveralSourcesTest, WhoDiedIsAskedNoMoreUntilATrialTellsThatItLives) {
  const auto a = publish("a");
  first_.go_down();
  EXPECT_TRUE(fetcher_->read(a));
  EXPECT_EQ(source(0).state, State::kIll);
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(fetcher_->read(publish(str("more ", i))));
  EXPECT_LE(source(0).requests - source(0).trials, 1u);
  first_.add("head.json", "{}");  // not a head: whoever else listens there now is no mirror
  first_.come_up();
  int count = 0;
  const auto read_on = [&] { return fetcher_->read(publish(str("on and on ", count++))).has_value(); };
  ASSERT_TRUE(eventually([&] { return read_on() && first_.requests("head.json") > 0; }));
  EXPECT_EQ(source(0).state, State::kIll);
}

TEST_F(SeveralSourcesTest, WhenNobodyCanBeReachedReadsFailAtOnceAndHealBySelf) {
  const auto known = publish("known");
  ASSERT_TRUE(fetcher_->read(known));
  const auto id = publish("wanted");
  first_.go_down();
  second_.go_down();
  EXPECT_EQ(code_of(id), Code::kUnavailable);
  ASSERT_TRUE(eventually([&] {
    const auto result = fetcher_->read(id);
    return !result && result.error().message.find("nobody can be reached") != std::string::npos;
  }));
  const uint64_t before = fetcher_->stats().requests;
  const auto began = Steady::now();
  std::atomic<int> failed{0};
  for (int i = 0; i < 2'000; ++i) {
    fetcher_->fetch(ObjectId::of(str("none ", i)), Priority::kDemand, [&](const Result<ObjectHandle>& result) {
      if (!result && result.error().code == Code::kUnavailable) ++failed;
    });
  }
  EXPECT_TRUE(eventually([&] { return failed == 2'000; }));
  EXPECT_LT(Steady::now() - began, seconds(8));
  EXPECT_EQ(fetcher_->stats().requests, before);  // trials only
  second_.come_up();
  second_.always("head.json", Fault::kServerError);  // no head, but somebody
  first_.come_up();
  EXPECT_TRUE(eventually([&] {
    std::this_thread::sleep_for(milliseconds(100));
    return fetcher_->read(id).has_value();
  }));
  EXPECT_TRUE(fetcher_->read(known));
}

TEST_F(SeveralSourcesTest, WhatFailsAgainAndAgainIsAskedForLessAndLess) {
  open({&first_}, [](FetcherOptions& options) {
    options.failure_memory = milliseconds(50);
    options.longest_failure_memory = milliseconds(400);
    options.rounds = 1;
  });
  const auto id = ObjectId::of("nobody has this");
  const auto until = Steady::now() + milliseconds(1'500);
  while (Steady::now() < until) {
    EXPECT_EQ(code_of(id), Code::kNotFound);
    std::this_thread::sleep_for(milliseconds(1));
  }
  EXPECT_LE(first_.requests(), 8u);  // after 0, 50, 150, 350, 750, 1150 milliseconds
  EXPECT_GE(first_.requests(), 2u);
}

// ---- heads: a number stands for a signed one

Result<uint64_t> revision_of(ByteView head) {
  if (head.empty() || head.find_first_not_of("0123456789") != ByteView::npos)
    return Error{Code::kNotARepository, "something else"};
  const uint64_t revision = std::stoull(std::string(head));
  if (revision < 5) return Error{Code::kRollback, "older than what we have seen"};
  return revision;
}

TEST_F(SeveralSourcesTest, TheNewestHeadCountsWhicheverMirrorIsAskedFirst) {
  first_.add("head.json", "7");
  second_.add("head.json", "8");
  EXPECT_EQ(fetcher_->read_head(100, revision_of).value(), "8");
  EXPECT_EQ(source(0).state, State::kBehind);
  EXPECT_EQ(source(1).state, State::kHealthy);
  first_.add("head.json", "9");
  EXPECT_EQ(fetcher_->read_head(100, revision_of).value(), "9");
  EXPECT_EQ(first_.revalidated("head.json"), 2u);
}

TEST_F(SeveralSourcesTest, AHeadThatIsNotBelievedLeavesTheTurnToTheNextMirror) {
  second_.add("head.json", "8");
  for (const char* wrong : {"<html>log in</html>", "4", ""}) {
    open({&first_, &second_});
    first_.add("head.json", wrong);
    EXPECT_EQ(fetcher_->read_head(100, revision_of).value(), "8") << wrong;
    EXPECT_NE(source(0).state, State::kHealthy) << wrong;
  }
}

TEST_F(SeveralSourcesTest, WhenNoHeadIsBelievedTheReasonIsTold) {
  open({&first_});
  first_.add("head.json", "4");
  EXPECT_EQ(fetcher_->read_head(100, revision_of).error().code, Code::kRollback);
  first_.remove("head.json");
  EXPECT_EQ(fetcher_->read_head(100, revision_of).error().code, Code::kNotFound);
  first_.go_down();
  const auto gone = fetcher_->read_head(100, revision_of);
  EXPECT_EQ(gone.error().code, Code::kUnavailable);
  EXPECT_NE(gone.error().message.find("cannot reach the repository"), std::string::npos);
}

TEST_F(SeveralSourcesTest, ASlowMirrorsHeadIsNotWaitedFor) {
  first_.add("head.json", "7");
  second_.add("head.json", "8");
  second_.always("*", Fault::kHang);
  const auto began = Steady::now();
  EXPECT_EQ(fetcher_->read_head(100, revision_of).value(), "7");
  EXPECT_LT(Steady::now() - began, seconds(2));
}

TEST_F(SeveralSourcesTest, OneMirrorAloneIsAskedForItsHeadOnce) {
  open({&first_});
  first_.add("head.json", "7");
  EXPECT_TRUE(fetcher_->read_head(100, revision_of));
  EXPECT_EQ(first_.requests(), 1u);
}

}  // namespace
}  // namespace granary
