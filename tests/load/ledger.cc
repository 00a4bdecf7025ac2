#include "tests/load/ledger.h"

#include <algorithm>

#include "gtest/gtest.h"

namespace anteroom::service {

using Event = v1::LifecycleEvent;

void Ledger::Enter(const Event& event) {
  SCOPED_TRACE(event.ShortDebugString());
  const std::string& id = event.instance_id();
  if (id.empty()) return;  // of a lease that waits, or has given up
  if (event.phase() == Event::PHASE_CONSTRUCTED) {
    EXPECT_FALSE(closed_.contains(id)) << "constructed again";
    EXPECT_TRUE(instances_.try_emplace(id).second) << "constructed twice";
    EXPECT_LE(instances_.size(), max_instances_);
    most_instances_ = std::max(most_instances_, instances_.size());
    return;
  }
  const auto instance = instances_.find(id);
  if (instance == instances_.end()) {
    ADD_FAILURE() << "of an instance that does not live";
    return;
  }
  EnterInstanceEvent(event, instance->second);
  if (event.phase() == Event::PHASE_CLOSED) {
    instances_.erase(instance);
    closed_.insert(id);
  }
}

void Ledger::EnterInstanceEvent(const Event& event, Instance& instance) {
  switch (event.phase()) {
    case Event::PHASE_INITIALIZING:
      EXPECT_EQ(instance.init, Instance::Init::kNone);
      instance.init = Instance::Init::kRuns;
      break;
    case Event::PHASE_READY:
      EXPECT_EQ(instance.init, Instance::Init::kRuns);
      instance.init = Instance::Init::kEnded;
      break;
    case Event::PHASE_FAILED:
      if (!event.lease_name().empty()) break;  // an enter's, which says nothing
      EXPECT_EQ(instance.init, Instance::Init::kRuns);
      instance.init = Instance::Init::kEnded;
      ++inits_failed_;
      break;
    case Event::PHASE_ENTERED:
      EXPECT_EQ(instance.holder, "") << "it is held already";
      EXPECT_EQ(instance.init, Instance::Init::kEnded);
      instance.holder = event.lease_name();
      ++entered_;
      break;
    case Event::PHASE_EXITED:
      EXPECT_EQ(instance.holder, event.lease_name());
      EXPECT_TRUE(exited_.insert(event.lease_name()).second) << "exited twice";
      instance.holder.clear();
      break;
    case Event::PHASE_CLOSED:
      EXPECT_EQ(instance.holder, "");
      EXPECT_NE(instance.init, Instance::Init::kRuns);
      break;
    default:
      break;
  }
}

void Ledger::Close() const {
  EXPECT_TRUE(instances_.empty()) << instances_.size() << " were not closed";
  EXPECT_EQ(entered_, exited_.size());
}

}  // namespace anteroom::service
