// Ledger: what the events of one resource must never say.
//
//  1. At most `max_instances` instances live at once, closing ones included;
//     each is constructed once and closed once, the last of its events.
//  2. The init of an instance begins at most once, and ends once: READY or
//     FAILED.
//  3. Each lease that entered exits once, after that, and on the instance that
//     it entered; at most one lease at a time is between the two on an
//     exclusive instance.
//
// Thread safety: none.
#ifndef ANTEROOM_TESTS_LOAD_LEDGER_H_
#define ANTEROOM_TESTS_LOAD_LEDGER_H_

#include <cstddef>
#include <string>
#include <unordered_map>
#include <unordered_set>

#include "anteroom/v1/event.pb.h"

namespace anteroom::service {

class Ledger {
 public:
  explicit Ledger(std::size_t max_instances) : max_instances_(max_instances) {}

  // The next event. Fails the test if it breaks a rule.
  void Enter(const v1::LifecycleEvent& event);
  // Fails the test if something that began has not ended.
  void Close() const;

  std::size_t entered() const { return entered_; }
  std::size_t constructed() const { return closed_.size() + instances_.size(); }
  std::size_t inits_failed() const { return inits_failed_; }
  std::size_t most_instances() const { return most_instances_; }

 private:
  struct Instance {
    enum class Init { kNone, kRuns, kEnded };
    Init init = Init::kNone;
    std::string holder;  // the lease's name; empty: nobody
  };

  void EnterInstanceEvent(const v1::LifecycleEvent& event, Instance& instance);

  const std::size_t max_instances_;
  std::unordered_map<std::string, Instance> instances_;  // the live ones, by id
  std::unordered_set<std::string> closed_;
  std::unordered_set<std::string> exited_;
  std::size_t entered_ = 0;
  std::size_t inits_failed_ = 0;
  std::size_t most_instances_ = 0;
};

}  // namespace anteroom::service

#endif  // ANTEROOM_TESTS_LOAD_LEDGER_H_
