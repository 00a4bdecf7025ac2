// A mutex of four bytes that clang's thread-safety analysis and every sanitizer
// understand: there is one in every event and waiter. (absl::Mutex from a
// distribution's uninstrumented library hides its synchronization from
// ThreadSanitizer; a std::mutex takes 40 bytes and two calls.)
//
// And one of a byte, for what is seldom contended and of which there are
// millions, as leases. It is as fast while nobody waits; but the kernel waits
// on words alone, so those who wait for one share a word of the library's, and
// are all woken.
//
// Hold it for a few instructions only: never across a co_await, a callback or
// a resume.
#ifndef ANTEROOM_SERVER_CORO_MUTEX_H_
#define ANTEROOM_SERVER_CORO_MUTEX_H_

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>

#include "absl/base/config.h"
#include "absl/base/thread_annotations.h"

namespace anteroom::coro {

// What a mutex locks: a Word that is free, locked, or locked and perhaps waited
// for (the third of Drepper, "Futexes Are Tricky", 2011).
template <typename Word>
class Lockable {
 public:
  void lock() {
    Word state = kFree;
    if (word_.compare_exchange_strong(state, kLocked,
                                      std::memory_order_acquire)) {
      return;
    }
    while (word_.exchange(kContended, std::memory_order_acquire) != kFree) {
      word_.wait(kContended, std::memory_order_relaxed);
    }
  }
  void unlock() {
    if (word_.exchange(kFree) == kContended) {  // before it looks who waits
      word_.notify_one();
    }
  }

 private:
  static constexpr Word kFree = 0;
  static constexpr Word kLocked = 1;
  static constexpr Word kContended = 2;

  std::atomic<Word> word_{kFree};
};

template <typename Word>
class ABSL_LOCKABLE BasicMutex {
 public:
  BasicMutex() = default;
  BasicMutex(const BasicMutex&) = delete;
  BasicMutex& operator=(const BasicMutex&) = delete;

  void Lock() ABSL_EXCLUSIVE_LOCK_FUNCTION() { lock_.lock(); }
  void Unlock() ABSL_UNLOCK_FUNCTION() { lock_.unlock(); }

 private:
  friend class CondVar;

#ifdef ABSL_HAVE_THREAD_SANITIZER
  std::mutex lock_;  // of which it knows the order that locks are taken in
#else
  Lockable<Word> lock_;
#endif
};

using Mutex = BasicMutex<std::uint32_t>;
using ByteMutex = BasicMutex<std::uint8_t>;

template <typename Mutex>
class ABSL_SCOPED_LOCKABLE MutexLock {
 public:
  explicit MutexLock(Mutex& mutex) ABSL_EXCLUSIVE_LOCK_FUNCTION(mutex)
      : mutex_(mutex) {
    mutex_.Lock();
  }
  ~MutexLock() ABSL_UNLOCK_FUNCTION() { mutex_.Unlock(); }
  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;

 private:
  Mutex& mutex_;
};

// For the few threads that are ours and sleep: it blocks.
class CondVar {
 public:
  void Wait(Mutex& mutex) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) {
    condition_.wait(mutex.lock_);
  }
  // Or until `when` has come.
  void WaitUntil(Mutex& mutex, std::chrono::steady_clock::time_point when)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) {
    condition_.wait_until(mutex.lock_, when);
  }
  void NotifyOne() { condition_.notify_one(); }
  void NotifyAll() { condition_.notify_all(); }

 private:
  std::condition_variable_any condition_;
};

}  // namespace anteroom::coro

#endif  // ANTEROOM_SERVER_CORO_MUTEX_H_
