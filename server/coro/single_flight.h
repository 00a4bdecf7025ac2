// SingleFlight<T>: work that runs once however many wait for it.
//
// - The first Get() starts an attempt, spawned in the *owner's* task group, not
//   under the first caller's token; later Get()s join it.
// - Success is kept and answers every later Get(). A failure goes to all that
//   wait on that attempt and is forgotten: the next Get() starts anew.
// - When the last waiter leaves a running attempt, OnAbandon::kCancel requests
//   its stop, kKeep lets it run. An attempt that succeeds anyway is kept.
// - Attempts never overlap: a Get() that finds a cancelled attempt winding down
//   waits for its end.
//
// Get() resumes on the executor if it waited. The object may be destroyed while
// an attempt runs or is waited for; what the work itself refers to must live
// until the group is joined.
//
// Thread safety: all methods, from any thread.
#ifndef ANTEROOM_SERVER_CORO_SINGLE_FLIGHT_H_
#define ANTEROOM_SERVER_CORO_SINGLE_FLIGHT_H_

#include <memory>
#include <optional>
#include <stop_token>
#include <utility>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/coro/event.h"
#include "server/coro/mutex.h"
#include "server/coro/runtime.h"
#include "server/coro/task.h"
#include "server/coro/task_group.h"

namespace anteroom::coro {

// What becomes of an attempt that nobody waits for any more.
enum class OnAbandon { kCancel, kKeep };

template <typename T>
class SingleFlight {
 public:
  // Runs one attempt; should end early when the token is stopped.
  using Attempt = absl::AnyInvocable<Task<absl::StatusOr<T>>(std::stop_token)>;

  SingleFlight(Runtime runtime, TaskGroup& group, OnAbandon on_abandon,
               Attempt attempt)
      : state_(std::make_shared<State>(runtime, group, on_abandon,
                                       std::move(attempt))) {}
  SingleFlight(const SingleFlight&) = delete;
  SingleFlight& operator=(const SingleFlight&) = delete;

  // The attempt's result, CANCELLED if `stop` came first, DEADLINE_EXCEEDED if
  // `deadline` did, UNAVAILABLE if the group is closed.
  Task<absl::StatusOr<T>> Get(std::stop_token stop = {},
                              Instant deadline = kNever) {
    return Get(state_, std::move(stop), deadline);
  }

 private:
  struct Flight {
    explicit Flight(Runtime runtime) : done(runtime) {}
    Event done;
    // Written before `done` is set.
    absl::StatusOr<T> result = absl::UnknownError("not finished");
    std::stop_source stop;
    int waiters = 0;         // guarded by State::mu
    bool abandoned = false;  // guarded by State::mu
  };

  struct State {
    State(Runtime runtime, TaskGroup& group, OnAbandon on_abandon,
          Attempt attempt)
        : runtime(runtime),
          group(group),
          on_abandon(on_abandon),
          attempt(std::move(attempt)) {}

    const Runtime runtime;
    TaskGroup& group;
    const OnAbandon on_abandon;
    Attempt attempt;  // attempts never overlap, so neither do its calls
    Mutex mu;
    std::shared_ptr<Flight> current ABSL_GUARDED_BY(mu);
    std::optional<T> value ABSL_GUARDED_BY(mu);
  };

  static Task<absl::StatusOr<T>> Get(std::shared_ptr<State> state,
                                     std::stop_token stop, Instant deadline) {
    while (true) {
      std::shared_ptr<Flight> flight;
      bool starts = false;
      bool joins = false;
      {
        MutexLock lock(state->mu);
        if (state->value.has_value()) co_return *state->value;
        if (state->current == nullptr) {
          state->current = std::make_shared<Flight>(state->runtime);
          starts = true;
        }
        flight = state->current;
        joins = !flight->abandoned;
        if (joins) ++flight->waiters;
      }
      if (starts && !state->group.Spawn(Run(state, flight))) {
        Finish(*state, *flight, absl::UnavailableError("shutting down"));
      }
      Task<Wake> wait = flight->done.Wait(stop, deadline);
      const Wake wake = co_await std::move(wait);
      if (joins) Leave(*state, *flight);
      if (wake == Wake::kCancelled) {
        co_return absl::CancelledError("the wait was cancelled");
      }
      if (wake == Wake::kTimedOut) {
        co_return absl::DeadlineExceededError("the wait timed out");
      }
      if (joins) co_return flight->result;
    }
  }

  static Task<void> Run(std::shared_ptr<State> state,
                        std::shared_ptr<Flight> flight) {
    Task<absl::StatusOr<T>> attempt = state->attempt(flight->stop.get_token());
    absl::StatusOr<T> result = co_await std::move(attempt);
    Finish(*state, *flight, std::move(result));
  }

  static void Finish(State& state, Flight& flight, absl::StatusOr<T> result) {
    flight.result = std::move(result);
    {
      MutexLock lock(state.mu);
      if (flight.result.ok()) state.value = *flight.result;
      state.current = nullptr;
    }
    flight.done.Set();
  }

  static void Leave(State& state, Flight& flight) {
    {
      MutexLock lock(state.mu);
      if (--flight.waiters != 0 || flight.done.is_set() ||
          state.on_abandon == OnAbandon::kKeep) {
        return;
      }
      flight.abandoned = true;
    }
    flight.stop.request_stop();
  }

  const std::shared_ptr<State> state_;
};

}  // namespace anteroom::coro

#endif  // ANTEROOM_SERVER_CORO_SINGLE_FLIGHT_H_
