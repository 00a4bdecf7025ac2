// A std::mutex that clang's thread-safety analysis and every sanitizer
// understand. (absl::Mutex from a distribution's uninstrumented library hides
// its synchronization from ThreadSanitizer.)
//
// Hold it for a few instructions only: never across a co_await, a callback or
// a resume.
#ifndef ANTEROOM_SERVER_CORO_MUTEX_H_
#define ANTEROOM_SERVER_CORO_MUTEX_H_

#include <condition_variable>
#include <mutex>

#include "absl/base/thread_annotations.h"

namespace anteroom::coro {

class ABSL_LOCKABLE Mutex {
 public:
  Mutex() = default;
  Mutex(const Mutex&) = delete;
  Mutex& operator=(const Mutex&) = delete;

  // Lower case: what std::condition_variable_any and the analysis expect.
  void lock() ABSL_EXCLUSIVE_LOCK_FUNCTION() { mutex_.lock(); }
  void unlock() ABSL_UNLOCK_FUNCTION() { mutex_.unlock(); }

 private:
  std::mutex mutex_;
};

class ABSL_SCOPED_LOCKABLE MutexLock {
 public:
  explicit MutexLock(Mutex& mutex) ABSL_EXCLUSIVE_LOCK_FUNCTION(mutex)
      : mutex_(mutex) {
    mutex_.lock();
  }
  ~MutexLock() ABSL_UNLOCK_FUNCTION() { mutex_.unlock(); }
  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;

 private:
  Mutex& mutex_;
};

}  // namespace anteroom::coro

#endif  // ANTEROOM_SERVER_CORO_MUTEX_H_
