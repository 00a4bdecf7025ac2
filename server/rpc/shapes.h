// Shapes: what the calls of a method were like the last time: whether one
// message went each way. Only how a call is best forwarded depends on it.
//
// Thread safety: all methods, from any thread.
#ifndef ANTEROOM_SERVER_RPC_SHAPES_H_
#define ANTEROOM_SERVER_RPC_SHAPES_H_

#include <atomic>
#include <cstddef>
#include <memory>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "server/coro/mutex.h"

namespace anteroom::rpc {

struct Shape {
  std::atomic<bool> one_request = true;
  std::atomic<bool> one_response = true;
};

class Shapes {
 public:
  // The methods beyond `max` share one.
  explicit Shapes(std::size_t max = 1000) : max_(max) {}

  std::shared_ptr<Shape> Of(const std::string& method) {
    coro::MutexLock lock(mu_);
    const auto found = by_method_.find(method);
    if (found != by_method_.end()) return found->second;
    if (by_method_.size() >= max_) return others_;
    return by_method_.emplace(method, std::make_shared<Shape>()).first->second;
  }

 private:
  const std::size_t max_;
  const std::shared_ptr<Shape> others_ = std::make_shared<Shape>();
  coro::Mutex mu_;
  absl::flat_hash_map<std::string, std::shared_ptr<Shape>> by_method_
      ABSL_GUARDED_BY(mu_);
};

}  // namespace anteroom::rpc

#endif  // ANTEROOM_SERVER_RPC_SHAPES_H_
