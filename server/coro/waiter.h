// Waiter: one coroutine waits once, for a signal, a stop or a deadline,
// whichever comes first. Every other wait of the server is built on it.
//
//   auto waiter = std::make_shared<Waiter>(runtime);
//   { MutexLock lock(mu_); queue_.push_back(waiter); }
//   Wake wake = co_await waiter->Wait(stop, deadline);
//
// How it works: `wake_` holds kPending until the first of Signal, stop and
// deadline wins it by compare-exchange; the losers learn that they lost.
// `gate_` counts 2 (2: waiting to suspend or to be woken; 1: one of the two
// has happened; 0: both): whoever brings it to 0 continues the coroutine, so
// that it is never resumed before its await_suspend has ended.
//
// - Resumes on the executor, by a post; inline only if the wake came before
//   the coroutine had suspended, or by Resume().
// - Shared by the queue that signals it and the frame that awaits it; may be
//   dropped by either at any time.
//
// Thread safety: Signal() and woken() from any thread, under any lock (they
// only post); Resume() from any thread; Wait() once.
#ifndef ANTEROOM_SERVER_CORO_WAITER_H_
#define ANTEROOM_SERVER_CORO_WAITER_H_

#include <atomic>
#include <coroutine>
#include <memory>
#include <optional>
#include <stop_token>
#include <utility>

#include "server/coro/clock.h"
#include "server/coro/runtime.h"

namespace anteroom::coro {

// Why a wait ended.
enum class Wake {
  kPending,    // it has not
  kSignalled,  // what was waited for has come
  kCancelled,  // the stop token asked for it
  kTimedOut,   // the deadline passed
};

class Waiter : public std::enable_shared_from_this<Waiter> {
 public:
  explicit Waiter(Runtime runtime) : runtime_(runtime) {}
  Waiter(const Waiter&) = delete;
  Waiter& operator=(const Waiter&) = delete;

  // True: this call won, and the wait ends (or has ended before it began) with
  // kSignalled. False: it had ended otherwise; signal the next in line.
  bool Signal() { return Fire(Wake::kSignalled); }
  // The same, but the coroutine is resumed within this call: for a reaction of
  // gRPC's that has nothing else to do and holds no lock. A hop to the executor
  // costs more than half of a call.
  bool Resume();

  // True once the wait's outcome is decided.
  bool woken() const {
    return wake_.load(std::memory_order_acquire) != Wake::kPending;
  }

  class Awaiter;
  // REQUIRES: called at most once, on a waiter owned by a shared_ptr.
  Awaiter Wait(std::stop_token stop, Instant deadline);

 private:
  bool Fire(Wake wake);
  // True: this was the first reason to wake.
  bool Decide(Wake wake) {
    Wake expected = Wake::kPending;
    return wake_.compare_exchange_strong(expected, wake,
                                         std::memory_order_acq_rel);
  }
  // One of the gate's two events; true for the second.
  bool PassGate() { return gate_.fetch_sub(1, std::memory_order_acq_rel) == 1; }

  const Runtime runtime_;
  std::atomic<Wake> wake_{Wake::kPending};
  std::atomic<int> gate_{2};
  std::coroutine_handle<> handle_;  // written before the gate's first pass
};

class Waiter::Awaiter {
 public:
  Awaiter(std::shared_ptr<Waiter> waiter, std::stop_token stop,
          Instant deadline)
      : waiter_(std::move(waiter)),
        stop_(std::move(stop)),
        deadline_(deadline) {}
  Awaiter(const Awaiter&) = delete;
  Awaiter& operator=(const Awaiter&) = delete;

  bool await_ready() const { return waiter_->woken(); }
  bool await_suspend(std::coroutine_handle<> handle);
  Wake await_resume();

 private:
  struct OnStop {
    Waiter* waiter;
    void operator()() const { waiter->Fire(Wake::kCancelled); }
  };

  const std::shared_ptr<Waiter> waiter_;
  std::stop_token stop_;
  const Instant deadline_;
  std::optional<std::stop_callback<OnStop>> on_stop_;
  Timers::Id timer_ = Timers::Id::kNone;
};

}  // namespace anteroom::coro

#endif  // ANTEROOM_SERVER_CORO_WAITER_H_
