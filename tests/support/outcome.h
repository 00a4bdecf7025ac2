// Outcome<T>: what a spawned task came to, to be looked at from outside.
#ifndef ANTEROOM_TESTS_SUPPORT_OUTCOME_H_
#define ANTEROOM_TESTS_SUPPORT_OUTCOME_H_

#include <memory>
#include <optional>
#include <utility>

#include "server/coro/check.h"
#include "server/coro/task.h"
#include "server/coro/task_group.h"

namespace anteroom::testing {

template <typename T>
class Outcome {
 public:
  // Runs `task` in `group`, which outlives it.
  Outcome(coro::TaskGroup& group, coro::Task<T> task)
      : value_(std::make_shared<std::optional<T>>()) {
    ANTEROOM_CHECK(group.Spawn(Store(std::move(task), value_)));
  }

  bool done() const { return value_->has_value(); }
  // REQUIRES: done().
  const T& value() const {
    ANTEROOM_CHECK(done());
    return **value_;
  }

 private:
  static coro::Task<void> Store(coro::Task<T> task,
                                std::shared_ptr<std::optional<T>> value) {
    value->emplace(co_await std::move(task));
  }

  std::shared_ptr<std::optional<T>> value_;
};

}  // namespace anteroom::testing

#endif  // ANTEROOM_TESTS_SUPPORT_OUTCOME_H_
