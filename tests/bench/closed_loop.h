// The load of all benchmarks: a closed loop. So many callers at once, each of
// which does one thing after the other, without a pause.
//
// Thread safety: RunClosedLoop is called by one thread. A caller does its
// things on whatever threads its library has, one at a time.
#ifndef ANTEROOM_TESTS_BENCH_CLOSED_LOOP_H_
#define ANTEROOM_TESTS_BENCH_CLOSED_LOOP_H_

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/synchronization/blocking_counter.h"
#include "absl/time/time.h"
#include "tests/bench/histogram.h"

namespace anteroom::bench {

// What connects a caller with those beside it, for as long as the loop runs.
struct Loop;

class Caller {
 public:
  Caller() = default;
  Caller(const Caller&) = delete;
  Caller& operator=(const Caller&) = delete;
  // REQUIRES: no loop runs.
  virtual ~Caller() = default;

 protected:
  // Begins the next thing. Does not call Done() itself, but has it called, on
  // any thread. The first one begins on the thread of RunClosedLoop.
  virtual void Begin() = 0;
  // The thing that was begun is done. The caller may be gone when it returns.
  void Done();

 private:
  friend struct Loop;

  Loop* loop_ = nullptr;
  std::chrono::steady_clock::time_point begun_;
  Histogram latencies_;
};

using Callers = std::vector<std::unique_ptr<Caller>>;

struct LoopResult {
  double seconds = 0;   // until the last thing was done
  Histogram latencies;  // of all things
};

// Lets the callers do things until `time` is over; each ends what it does.
LoopResult RunClosedLoop(const Callers& callers, absl::Duration time);

// Ends the program, since something that is measured does not do what it
// should.
[[noreturn]] void Fail(const std::string& what);

}  // namespace anteroom::bench

#endif  // ANTEROOM_TESTS_BENCH_CLOSED_LOOP_H_
