// Shapes: what the calls of a method were like of late: whether one message
// went each way. Only how a call is best forwarded depends on it.
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

// What is expected of a method's calls: taken back by the first that is not so,
// and believed again after `kProof` in a row that are.
class Expectation {
 public:
  static constexpr int kProof = 16;

  bool holds() const { return doubts_.load(std::memory_order_relaxed) == 0; }
  // A call was so, or was not. Of calls that end at the same time, one may be
  // missed.
  void Note(bool was_so) {
    if (!was_so) {
      doubts_.store(kProof, std::memory_order_relaxed);
    } else if (const int doubts = doubts_.load(std::memory_order_relaxed);
               doubts > 0) {
      doubts_.store(doubts - 1, std::memory_order_relaxed);
    }
  }

 private:
  std::atomic<int> doubts_ = 0;
};

struct Shape {
  Expectation one_request;
  Expectation one_response;
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
