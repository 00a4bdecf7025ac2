#include "server/coro/sleep.h"

#include <memory>
#include <utility>

namespace anteroom::coro {

Task<Wake> SleepUntil(Runtime runtime, Instant until, std::stop_token stop) {
  auto waiter = std::make_shared<Waiter>(runtime);
  co_return co_await waiter->Wait(std::move(stop), until);
}

}  // namespace anteroom::coro
