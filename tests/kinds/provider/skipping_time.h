// SkippingTime: the machine's time, of which a test may skip some: what is due
// meanwhile comes at once. For tests over real sockets, whose bounds are then
// long enough never to be waited out, and passed all the same.
//
// Thread safety: all methods, from any thread.
#ifndef ANTEROOM_TESTS_KINDS_PROVIDER_SKIPPING_TIME_H_
#define ANTEROOM_TESTS_KINDS_PROVIDER_SKIPPING_TIME_H_

#include <atomic>
#include <cstdint>
#include <map>
#include <thread>
#include <utility>

#include "absl/time/time.h"
#include "server/coro/clock.h"
#include "server/coro/executor.h"
#include "server/coro/mutex.h"
#include "server/coro/timers.h"

namespace anteroom::kinds {

class SkippingTime : public coro::Clock, public coro::Timers {
 public:
  // `executor` outlives it.
  explicit SkippingTime(coro::Executor& executor);
  ~SkippingTime() override;
  SkippingTime(const SkippingTime&) = delete;
  SkippingTime& operator=(const SkippingTime&) = delete;

  void Skip(absl::Duration by);

  coro::Instant Now() const override;
  absl::Time WallNow() const override;
  Id Schedule(coro::Instant when, coro::Work work) override;
  bool Cancel(Id id) override;

 private:
  using Key = std::pair<coro::Instant, std::uint64_t>;

  void RunLoop();

  coro::Executor& executor_;
  std::atomic<std::int64_t> skipped_{0};  // nanoseconds
  coro::Mutex mu_;
  coro::CondVar wake_;
  std::map<Key, coro::Work> pending_ ABSL_GUARDED_BY(mu_);
  std::map<std::uint64_t, coro::Instant> due_ ABSL_GUARDED_BY(mu_);
  std::uint64_t last_id_ ABSL_GUARDED_BY(mu_) = 0;
  bool stopping_ ABSL_GUARDED_BY(mu_) = false;
  std::thread thread_;  // last: starts when all else is built
};

}  // namespace anteroom::kinds

#endif  // ANTEROOM_TESTS_KINDS_PROVIDER_SKIPPING_TIME_H_
