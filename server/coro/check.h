// Invariants that hold or the process must not go on. Debian 12's Abseil has no
// absl/log yet; this is the little of it we need.
#ifndef ANTEROOM_SERVER_CORO_CHECK_H_
#define ANTEROOM_SERVER_CORO_CHECK_H_

#include <cstdio>
#include <cstdlib>

// Aborts with file, line and condition if `condition` is false, in every build.
#define ANTEROOM_CHECK(condition) \
  ((condition)                    \
       ? static_cast<void>(0)     \
       : ::anteroom::coro::CheckFailed(#condition, __FILE__, __LINE__))

namespace anteroom::coro {

[[noreturn]] inline void CheckFailed(const char* condition, const char* file,
                                     int line) {
  std::fprintf(stderr, "%s:%d: check failed: %s\n", file, line, condition);
  std::abort();
}

}  // namespace anteroom::coro

#endif  // ANTEROOM_SERVER_CORO_CHECK_H_
