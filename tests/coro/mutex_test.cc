#include "server/coro/mutex.h"

#include <memory>
#include <thread>
#include <vector>

#include "gtest/gtest.h"

namespace anteroom::coro {
namespace {

template <typename M>
class MutexTest : public ::testing::Test {};

using Mutexes = ::testing::Types<Mutex, ByteMutex>;
TYPED_TEST_SUITE(MutexTest, Mutexes);

#ifndef ABSL_HAVE_THREAD_SANITIZER
static_assert(sizeof(Mutex) == 4 && sizeof(ByteMutex) == 1);
#endif

// And each of them ends: nobody sleeps on though it is free.
TYPED_TEST(MutexTest, OneAtATimeHoweverManyWantIt) {
  constexpr int kThreads = 8;
  constexpr int kTurns = 20'000;
  TypeParam mutex;
  int turns = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&mutex, &turns] {
      for (int turn = 0; turn < kTurns; ++turn) {
        MutexLock lock(mutex);
        ++turns;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(turns, kThreads * kTurns);
}

// Whoever waits sleeps, and is woken though others wait for other mutexes.
TYPED_TEST(MutexTest, WhoWaitsLongIsWoken) {
  constexpr int kThreads = 8;
  std::vector<TypeParam> mutexes(kThreads);
  std::vector<std::unique_ptr<MutexLock<TypeParam>>> locks;
  for (TypeParam& mutex : mutexes) {
    locks.push_back(std::make_unique<MutexLock<TypeParam>>(mutex));
  }
  std::vector<std::thread> threads;
  for (TypeParam& mutex : mutexes) {
    threads.emplace_back([&mutex] { MutexLock lock(mutex); });
  }
  for (auto& lock : locks) {
    std::this_thread::yield();
    lock.reset();
  }
  for (std::thread& thread : threads) thread.join();
}

}  // namespace
}  // namespace anteroom::coro
