#include "fs/net/worker_pool.h"

#include <gtest/gtest.h>

#include "tests/support/waiting.h"

namespace granary {
namespace {

TEST(WorkerPool, TheMostUrgentGoesFirst) {
  WorkerPool pool(1);
  Mailbox<std::string> order;
  Mutex mutex;
  std::condition_variable changed;
  bool open = false;
  pool.post(Priority::kDemand, [&] {
    MutexLock lock(mutex);
    while (!open) lock.wait(changed);
  });
  pool.post(Priority::kBackground, [&] { order.deliver(std::string("background")); });
  pool.post(Priority::kPrefetch, [&] { order.deliver(std::string("prefetch")); });
  pool.post(Priority::kDemand, [&] { order.deliver(std::string("demand")); });
  {
    const MutexLock lock(mutex);
    open = true;
  }
  changed.notify_all();
  ASSERT_TRUE(order.wait_for(3));
  EXPECT_EQ(*order.take(0), "demand");
  EXPECT_EQ(*order.take(1), "prefetch");
  EXPECT_EQ(*order.take(2), "background");
}

// As writing to a disk that hangs holds up a thread.
TEST(WorkerPool, WhatWaitsIsDoneThoughAllThreadsAreHeldUp) {
  WorkerPool pool(2);
  Mailbox<int> done;
  Mutex mutex;
  std::condition_variable changed;
  bool open = false;
  for (int i = 0; i < 2; ++i) {
    pool.post(Priority::kDemand, [&] {
      MutexLock lock(mutex);
      while (!open) lock.wait(changed);
      done.deliver(0);
    });
  }
  pool.post(Priority::kDemand, [&] { done.deliver(1); });
  pool.post_at(std::chrono::steady_clock::now(), [&] { done.deliver(2); });
  EXPECT_TRUE(done.wait_for(2));
  {
    const MutexLock lock(mutex);
    open = true;
  }
  changed.notify_all();
  EXPECT_TRUE(done.wait_for(4));
}

}  // namespace
}  // namespace granary
