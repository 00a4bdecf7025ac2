// Ports: the ports of 127.0.0.1 that programs are told to listen on.
//
// They are below those that the kernel gives to outgoing connections, so that
// none of these takes a port between its choice and the program's own bind, and
// no probe of a port can connect to itself.
//
// Thread safety: all methods, from any thread.
#ifndef ANTEROOM_SERVER_KINDS_PROCESS_PORTS_H_
#define ANTEROOM_SERVER_KINDS_PROCESS_PORTS_H_

#include <set>

#include "absl/status/statusor.h"
#include "server/coro/mutex.h"
#include "server/coro/random.h"

namespace anteroom::kinds {

class Ports {
 public:
  explicit Ports(coro::Random& random) : random_(random) {}
  Ports(const Ports&) = delete;
  Ports& operator=(const Ports&) = delete;

  // One that nobody listens on and that was not given out before; until
  // Return(). RESOURCE_EXHAUSTED.
  absl::StatusOr<int> Take();
  void Return(int port);

 private:
  coro::Random& random_;
  coro::Mutex mu_;
  std::set<int> taken_ ABSL_GUARDED_BY(mu_);
};

}  // namespace anteroom::kinds

#endif  // ANTEROOM_SERVER_KINDS_PROCESS_PORTS_H_
