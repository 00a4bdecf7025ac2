#include "server/rpc/deadline.h"

#include "absl/time/time.h"

namespace anteroom::rpc {

using std::chrono::system_clock;

coro::Instant ToInstant(const coro::Clock& clock,
                        system_clock::time_point deadline) {
  if (deadline == system_clock::time_point::max()) return coro::kNever;
  const auto left = deadline - system_clock::now();
  return coro::After(clock.Now(), absl::FromChrono(left));
}

system_clock::time_point ToSystemTime(const coro::Clock& clock,
                                      coro::Instant deadline) {
  if (deadline == coro::kNever) return system_clock::time_point::max();
  return system_clock::now() +
         std::chrono::duration_cast<system_clock::duration>(deadline -
                                                            clock.Now());
}

}  // namespace anteroom::rpc
