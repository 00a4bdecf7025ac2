#include "server/coro/mutex.h"

#include <unistd.h>

#include <atomic>
#include <fstream>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
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

// As the kernel shows it.
bool Sleeps(pid_t thread) {
  std::ifstream file(absl::StrCat("/proc/self/task/", thread, "/stat"));
  std::string number;
  std::string name;
  std::string state;
  file >> number >> name >> state;
  return state == "S";
}

// Though others sleep for other mutexes, and however short the word is.
TYPED_TEST(MutexTest, WhoSleepsIsWoken) {
  constexpr int kThreads = 8;
  std::vector<TypeParam> mutexes(kThreads);
  std::vector<std::unique_ptr<MutexLock<TypeParam>>> locks;
  for (TypeParam& mutex : mutexes) {
    locks.push_back(std::make_unique<MutexLock<TypeParam>>(mutex));
  }
  std::vector<std::atomic<pid_t>> ids(kThreads);
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&mutex = mutexes[i], &id = ids[i]] {
      id = gettid();
      MutexLock lock(mutex);
    });
  }
  for (const std::atomic<pid_t>& id : ids) {
    while (id == 0 || !Sleeps(id)) std::this_thread::yield();
  }
  for (auto& lock : locks) lock.reset();
  for (std::thread& thread : threads) thread.join();
}

}  // namespace
}  // namespace anteroom::coro
