#include "server/lifecycle/passage.h"

#include <initializer_list>
#include <utility>

#include "server/coro/check.h"
#include "server/lifecycle/instance.h"
#include "server/lifecycle/lease.h"
#include "server/lifecycle/pool.h"
#include "server/lifecycle/use.h"

namespace anteroom::lifecycle {

Passage::Passage(coro::Runtime runtime, Pool& pool, LeasePtr lease,
                 Instance& instance, std::string endpoint)
    : pool_(pool),
      endpoint_(std::move(endpoint)),
      deadline_(UseBound(runtime.clock, pool.policy())),
      lease_stop_(lease->use_stop()),
      stop_(lease_stop_),
      lease_(std::move(lease)),
      instance_(instance) {
  if (deadline_ == coro::kNever) return;
  link_.emplace(runtime, deadline_,
                std::initializer_list<std::stop_token>{lease_stop_});
  stop_ = link_->token();
}

Passage::~Passage() { ANTEROOM_CHECK(lease_ == nullptr); }

const std::string& Passage::instance_id() const {
  return instance_.info().instance_id;
}

std::stop_token Passage::gone() const { return instance_.gone.get_token(); }

absl::Status Passage::StopReason() const {
  if (lease_stop_.stop_requested()) return WhyStopped(*lease_);
  if (stop_.stop_requested()) return UseTimedOut();
  return absl::OkStatus();
}

void Passage::End() {
  link_.reset();
  pool_.CountOut(std::exchange(lease_, nullptr));
}

}  // namespace anteroom::lifecycle
