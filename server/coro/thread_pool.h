// ThreadPool: the production executor, a few threads on one FIFO queue.
//
// Destruction: runs what was posted, then joins the threads. REQUIRES that
// nothing posts once the destructor has begun, but from the pool's own work.
//
// Thread safety: Post() from any thread.
#ifndef ANTEROOM_SERVER_CORO_THREAD_POOL_H_
#define ANTEROOM_SERVER_CORO_THREAD_POOL_H_

#include <deque>
#include <thread>
#include <vector>

#include "server/coro/executor.h"
#include "server/coro/mutex.h"

namespace anteroom::coro {

class ThreadPool : public Executor {
 public:
  // REQUIRES: threads > 0.
  explicit ThreadPool(int threads);
  ~ThreadPool() override;
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  void Post(Work work) override;

 private:
  void RunLoop();

  Mutex mu_;
  CondVar wake_;
  std::deque<Work> queue_ ABSL_GUARDED_BY(mu_);
  bool stopping_ ABSL_GUARDED_BY(mu_) = false;
  std::vector<std::thread> threads_;  // constant after construction
};

}  // namespace anteroom::coro

#endif  // ANTEROOM_SERVER_CORO_THREAD_POOL_H_
