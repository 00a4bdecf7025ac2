// ThreadPool: the production executor, a few threads on one FIFO queue.
//
// Destruction: that of Stop().
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

  // Runs what was posted, then joins the threads: nothing that was posted, and
  // nothing that it refers to, is left. What is posted once this has returned
  // is not run. REQUIRES that meanwhile nothing posts but the pool's own work,
  // which does not call this. Idempotent.
  void Stop();

 private:
  void RunLoop();

  Mutex mu_;
  CondVar wake_;
  std::deque<Work> queue_ ABSL_GUARDED_BY(mu_);
  bool stopping_ ABSL_GUARDED_BY(mu_) = false;
  std::vector<std::thread> threads_;  // constant until Stop()
};

}  // namespace anteroom::coro

#endif  // ANTEROOM_SERVER_CORO_THREAD_POOL_H_
