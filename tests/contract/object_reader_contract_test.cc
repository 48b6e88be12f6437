// What every ObjectReader promises, whatever stands behind it.
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "fs/base/log.h"
#include "fs/net/fetcher.h"
#include "tests/support/faulty_server.h"
#include "tests/support/mem_cache.h"
#include "tests/support/mem_store.h"

namespace granary {
namespace {

// A reader and the place where it finds its object files.
class World {
 public:
  virtual ~World() = default;
  virtual ObjectReader& reader() = 0;
  virtual void set(const ObjectId& id, const Bytes& file) = 0;
};

class StoreWorld : public World {
 public:
  ObjectReader& reader() override { return reader_; }
  void set(const ObjectId& id, const Bytes& file) override {
    store_.lose(id);
    ASSERT_TRUE(store_.put(id, file));
  }

 private:
  MemStore store_;
  StoreReader reader_{store_};
};

class FetcherWorld : public World {
 public:
  ObjectReader& reader() override { return fetcher_; }
  void set(const ObjectId& id, const Bytes& file) override { server_.add(object_path(id), file); }

 private:
  static HttpOptions without_proxy() {
    HttpOptions options;
    options.proxy = "";
    return options;
  }
  static FetcherOptions without_memory() {
    FetcherOptions options;
    options.failure_memory = std::chrono::milliseconds(0);
    return options;
  }
  FaultyServer server_;
  MemCache cache_;
  Fetcher fetcher_{open_transports({server_.url()}, without_proxy()).value(), cache_, without_memory()};
};

using MakeWorld = std::unique_ptr<World> (*)();

class ObjectReaderContract : public testing::TestWithParam<MakeWorld> {
 protected:
  ObjectReaderContract() { log::set_descriptor(-1); }
  ~ObjectReaderContract() override { log::set_descriptor(2); }

  ObjectId publish(const Bytes& plain, const Encoding& encoding = {}) {
    const ObjectId id = ObjectId::of(plain);
    world_->set(id, encode_object(plain, encoding));
    return id;
  }
  Result<SharedBytes> read(const ObjectId& id) { return world_->reader().read(id); }

  const std::unique_ptr<World> world_ = GetParam()();
};

TEST_P(ObjectReaderContract, PlainBytesComeWhateverTheCodec) {
  const Bytes text(100'000, 'g');
  EXPECT_EQ(**read(publish(text, {Codec::kZstd, 3})), text);
  EXPECT_EQ(**read(publish(text + "1", {Codec::kZlib, 6})), text + "1");
  EXPECT_EQ(**read(publish(text + "2", {Codec::kNone, 0})), text + "2");
  EXPECT_EQ(**read(publish("")), "");
}

TEST_P(ObjectReaderContract, WhatNobodyHasIsNotFound) {
  EXPECT_EQ(read(ObjectId::of("nobody")).error().code, Code::kNotFound);
}

TEST_P(ObjectReaderContract, NothingUnverifiedIsHandedOut) {
  const auto id = publish("hello");
  const Bytes good = encode_object("hello", {});
  for (const Bytes& bad : {Bytes(), good.substr(0, 7), good.substr(0, good.size() - 1), good + "x",
                           encode_object("other", {}), Bytes("<html></html>")}) {
    world_->set(id, bad);
    const auto result = read(id);
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code, Code::kCorrupt) << result.error().message;
    EXPECT_NE(result.error().message.find(id.hex()), std::string::npos) << result.error().message;
  }
  world_->set(id, good);
  EXPECT_EQ(**read(id), "hello");  // and a later honest answer heals it
}

TEST_P(ObjectReaderContract, ManyThreadsMayRead) {
  std::vector<ObjectId> ids;
  for (int i = 0; i < 20; ++i) ids.push_back(publish(str("object ", i)));
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (const ObjectId& id : ids) {
        const auto bytes = read(id);
        if (!bytes || ObjectId::of(**bytes) != id) ++wrong;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
}

INSTANTIATE_TEST_SUITE_P(StoreReader, ObjectReaderContract,
                         testing::Values([] { return std::unique_ptr<World>(new StoreWorld); }));
INSTANTIATE_TEST_SUITE_P(Fetcher, ObjectReaderContract,
                         testing::Values([] { return std::unique_ptr<World>(new FetcherWorld); }));

}  // namespace
}  // namespace granary
