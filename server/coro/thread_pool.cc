#include "server/coro/thread_pool.h"

#include <utility>

#include "server/coro/check.h"

namespace anteroom::coro {

ThreadPool::ThreadPool(int threads) {
  ANTEROOM_CHECK(threads > 0);
  threads_.reserve(threads);
  for (int i = 0; i < threads; ++i) {
    threads_.emplace_back([this] { RunLoop(); });
  }
}

ThreadPool::~ThreadPool() { Stop(); }

void ThreadPool::Stop() {
  {
    MutexLock lock(mu_);
    stopping_ = true;
  }
  wake_.NotifyAll();
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

void ThreadPool::Post(Work work) {
  {
    MutexLock lock(mu_);
    queue_.push_back(std::move(work));
  }
  wake_.NotifyOne();
}

void ThreadPool::RunLoop() {
  while (true) {
    Work work;
    {
      MutexLock lock(mu_);
      while (queue_.empty()) {
        if (stopping_) return;
        wake_.Wait(mu_);
      }
      work = std::move(queue_.front());
      queue_.pop_front();
    }
    std::move(work)();
  }
}

}  // namespace anteroom::coro
