// Breaker: keeps a resource whose init keeps failing from being tried in vain.
//
//   CLOSED     inits may begin; so many failures in a row open it
//   OPEN       none may begin until `open` has passed
//   HALF OPEN  one may begin: its success closes the breaker, its failure opens
//              it again
//
// (M. Nygard, "Release It!", 2007: Circuit Breaker.)
//
// Thread safety: none; guarded by the mutex of the pool that owns it.
#ifndef ANTEROOM_SERVER_LIFECYCLE_BREAKER_H_
#define ANTEROOM_SERVER_LIFECYCLE_BREAKER_H_

#include <cstdint>

#include "absl/time/time.h"
#include "server/coro/clock.h"

namespace anteroom::lifecycle {

class Breaker {
 public:
  // `failures` 0: never opens.
  Breaker(int failures, absl::Duration open)
      : threshold_(failures), open_(open) {}

  // Whether an init may begin at `now`.
  bool Allows(coro::Instant now) const;
  // While !Allows(now): when it may be worth asking again.
  coro::Instant retry_at() const { return retry_at_; }

  // An init that was allowed begins. Not 0: it is the one that a half-open
  // breaker allows, and its end is told as this `probe`.
  std::uint64_t Began();
  // It succeeded; failed at `now`; or was given up without a result. A probe
  // from before the breaker closed, and opened anew, is an init like others.
  void Succeeded();
  void Failed(coro::Instant now, std::uint64_t probe);
  void GivenUp(std::uint64_t probe);

 private:
  const int threshold_;
  const absl::Duration open_;
  int failures_ = 0;  // in a row
  bool opened_ = false;
  // Half open, and its one init is under way: the number of that.
  std::uint64_t probing_ = 0;
  std::uint64_t last_probe_ = 0;
  coro::Instant retry_at_;
};

}  // namespace anteroom::lifecycle

#endif  // ANTEROOM_SERVER_LIFECYCLE_BREAKER_H_
