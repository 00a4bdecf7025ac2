#include "server/lifecycle/lease.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/coro/check.h"
#include "server/error/error.h"
#include "server/lifecycle/instance.h"
#include "server/lifecycle/pool.h"

namespace anteroom::lifecycle {

Lease::Lease(coro::Runtime runtime, EventLog& events, Pool& pool,
             std::string id, std::string name, const std::string& resource,
             AcquireOptions&& options)
    : runtime_(runtime),
      events_(events),
      pool_(pool),
      id_(std::move(id)),
      resource_(resource),
      options_(std::move(options)),
      create_time_(runtime.clock.WallNow()),
      ended_(runtime),
      entered_(options_.deferred ? std::make_unique<coro::Event>(runtime)
                                 : nullptr),
      ttl_(Clamp(options_.ttl)) {
  info_.name = std::move(name);
  info_.holder = std::move(options_.holder);
  info_.labels = std::move(options_.labels);
}

Lease::~Lease() {
  const LeaseState last = state();
  ANTEROOM_CHECK(last == LeaseState::kWaiting || last == LeaseState::kEnded);
}

absl::Status Lease::CheckLive() const {
  coro::MutexLock lock(mu_);
  const bool over =
      state() == LeaseState::kExiting || state() == LeaseState::kEnded;
  return over ? EndedError() : absl::OkStatus();
}

LeaseView Lease::View() const {
  coro::MutexLock lock(mu_);
  LeaseView view;
  view.state = state();
  view.fencing_token = info_.fencing_token;
  view.ttl = ttl_;
  view.create_time = create_time_;
  view.expire_time = WallAt(Expiry());
  view.revoke_time = state() == LeaseState::kHeld ? WallAt(revoke_at_)
                                                  : absl::InfiniteFuture();
  if (subject_ != nullptr) view.instance_id = subject_->instance_id;
  view.value = value_;
  view.receipt = receipt_;
  return view;
}

std::shared_ptr<EventSink> Lease::sink() const {
  coro::MutexLock lock(mu_);
  return options_.sink;
}

Payload Lease::TakeArgument() {
  coro::MutexLock lock(mu_);
  return std::exchange(options_.argument, Payload());
}

void Lease::Transition(LeaseState to) {
  ANTEROOM_CHECK(MayFollow(state(), to));
  state_.store(to, std::memory_order_release);
}

std::shared_ptr<const EventSubject> Lease::SubjectOn(
    const std::string& instance_id) const {
  return std::make_shared<EventSubject>(
      EventSubject{resource_, options_.key, instance_id, info_.name});
}

void Lease::Emit(Phase phase, absl::string_view message,
                 const absl::Status& status, int position) {
  Event event;
  if (subject_ == nullptr) subject_ = SubjectOn(/*instance_id=*/"");
  event.subject = subject_;
  event.phase = phase;
  event.message = std::string(message);
  event.queue_position = position;
  event.status = status;
  if (phase == Phase::kRevoking) event.deadline = WallAt(revoke_at_);
  EventSink* const sink = options_.sink.get();
  events_.Append(std::move(event),
                 absl::MakeConstSpan(&sink, sink == nullptr ? 0 : 1));
}

// What is kept of an ended lease is its receipt, for minutes: free the rest,
// above all what the client sent.
void Lease::LetGo() {
  instance_.reset();
  options_.sink.reset();
  options_.argument = Payload();
  options_.arguments.clear();
  cause_.error = absl::OkStatus();
  value_ = Payload();
  if (subject_ != nullptr) {  // no event follows: View() shows the instance
    auto instance = std::make_shared<EventSubject>();
    instance->instance_id = subject_->instance_id;
    subject_ = std::move(instance);
  }
}

absl::Time Lease::WallAt(coro::Instant instant) const {
  if (instant == coro::kNever) return absl::InfiniteFuture();
  return runtime_.clock.WallNow() +
         coro::Between(runtime_.clock.Now(), instant);
}

void Lease::Queued(int position) {
  coro::MutexLock lock(mu_);
  Emit(Phase::kWaiting, {}, absl::OkStatus(), position);
}

void Lease::Bind(std::shared_ptr<Instance> instance,
                 std::uint64_t fencing_token) {
  coro::MutexLock lock(mu_);
  instance_ = std::move(instance);
  subject_ = SubjectOn(instance_->info().instance_id);
  info_.fencing_token = fencing_token;
  enter_stop_ = std::stop_source();
  Transition(LeaseState::kEntering);
  if (instance_->hooks.enter) Emit(Phase::kEntering);
}

std::optional<ExitCause> Lease::Enter(Payload value) {
  std::optional<ExitCause> early_end;
  {
    coro::MutexLock lock(mu_);
    value_ = std::move(value);
    entered_at_ = renewed_at_ = runtime_.clock.Now();
    revoke_at_ = coro::After(entered_at_, pool_.policy().max_hold);
    Transition(LeaseState::kHeld);
    Emit(Phase::kEntered);
    early_end.swap(early_end_);
  }
  return early_end;
}

void Lease::Fail(const absl::Status& status, bool announce) {
  {
    coro::MutexLock lock(mu_);
    if (announce) Emit(Phase::kFailed, {}, status);
    enter_failure_ = status;
    Receipt receipt;
    receipt.reason =
        early_end_.has_value() ? early_end_->reason : ExitReason::kEnterFailed;
    receipt.end_time = runtime_.clock.WallNow();
    receipt_ = std::move(receipt);
    Transition(LeaseState::kEnded);
    LetGo();
  }
  if (entered_ != nullptr) entered_->Set();
}

bool Lease::AbortEnter(ExitCause cause) {
  {
    coro::MutexLock lock(mu_);
    if (state() != LeaseState::kEntering) return false;
    if (!early_end_.has_value()) early_end_ = std::move(cause);
  }
  enter_stop_.request_stop();
  return true;
}

coro::Task<absl::Status> Lease::AwaitEntered(std::stop_token stop,
                                             coro::Instant deadline) {
  if (entered_->is_set()) co_return absl::OkStatus();
  coro::Task<coro::Wake> wait = entered_->Wait(std::move(stop), deadline);
  switch (co_await std::move(wait)) {
    case coro::Wake::kCancelled:
      co_return absl::CancelledError("the caller left");
    case coro::Wake::kTimedOut:
      co_return absl::DeadlineExceededError("the call's deadline passed");
    default:
      break;
  }
  coro::MutexLock lock(mu_);
  if (receipt_.has_value() && receipt_->reason != ExitReason::kEnterFailed) {
    co_return EndedError();  // released, revoked or drained meanwhile
  }
  co_return enter_failure_;
}

bool Lease::DecideExit(ExitCause cause) {
  coro::Timers::Id timer = coro::Timers::Id::kNone;
  {
    coro::MutexLock lock(mu_);
    if (state() != LeaseState::kHeld) return false;
    timer = BeginExiting(std::move(cause));
  }
  runtime_.timers.Cancel(timer);
  return true;
}

coro::Timers::Id Lease::BeginExiting(ExitCause cause) {
  cause_ = std::move(cause);
  decided_at_ = runtime_.clock.Now();
  Transition(LeaseState::kExiting);
  if (uses_ > 0) uses_ended_ = std::make_shared<coro::Event>(runtime_);
  return std::exchange(timer_, coro::Timers::Id::kNone);
}

void Lease::BeginExit() {
  coro::MutexLock lock(mu_);
  Emit(Phase::kExiting);
}

void Lease::End(bool suppressed, absl::Status exit_status, int attempts) {
  coro::MutexLock lock(mu_);
  Receipt receipt;
  receipt.reason = cause_.reason;
  receipt.error_suppressed = suppressed;
  receipt.exit_status = std::move(exit_status);
  receipt.held = coro::Between(entered_at_, decided_at_);
  receipt.exited = coro::Between(decided_at_, runtime_.clock.Now());
  receipt.attempts = attempts;
  receipt.end_time = runtime_.clock.WallNow();
  Emit(Phase::kExited, {}, receipt.exit_status);
  receipt_ = std::move(receipt);
  Transition(LeaseState::kEnded);
  LetGo();
}

ExitCause Lease::cause() const {
  coro::MutexLock lock(mu_);
  ANTEROOM_CHECK(state() == LeaseState::kExiting);
  return cause_;
}

std::shared_ptr<Instance> Lease::instance() const {
  coro::MutexLock lock(mu_);
  return instance_;
}

Payload Lease::value() const {
  coro::MutexLock lock(mu_);
  return value_;
}

Receipt Lease::receipt() const {
  coro::MutexLock lock(mu_);
  ANTEROOM_CHECK(receipt_.has_value());
  return *receipt_;
}

absl::Status Lease::EndedError() const {
  const ExitReason reason =
      receipt_.has_value() ? receipt_->reason : cause_.reason;
  return WithMetadata(
      Error(Reason::kLeaseEnded,
            absl::StrCat("the lease ", info_.name,
                         " has ended: ", ExitReasonName(reason),
                         enter_failure_.ok() ? "" : ": ",
                         absl::string_view(enter_failure_.message()))),
      "exit_reason", ExitReasonName(reason));
}

absl::StatusOr<std::shared_ptr<Instance>> Lease::BeginUse(
    absl::string_view method, std::uint64_t fencing_token) {
  coro::MutexLock lock(mu_);
  if (state() != LeaseState::kHeld) return EndedError();
  if (fencing_token != 0 && fencing_token != info_.fencing_token) {
    return Error(Reason::kStaleFencingToken,
                 absl::StrCat("fencing token ", fencing_token,
                              " is not the lease's, ", info_.fencing_token));
  }
  ++uses_;
  if (options_.sink != nullptr || events_.watched()) {
    Emit(Phase::kUsed, method);
  }
  return instance_;
}

bool Lease::EndUse() {
  std::shared_ptr<coro::Event> uses_ended;
  bool put_off = false;
  {
    coro::MutexLock lock(mu_);
    if (--uses_ > 0) return false;
    uses_ended = uses_ended_;
    put_off = put_off_;
    put_off_ = false;
  }
  if (uses_ended != nullptr) uses_ended->Set();
  return put_off;
}

bool Lease::in_use() const {
  coro::MutexLock lock(mu_);
  return uses_ > 0;
}

coro::Task<coro::Wake> Lease::UsesEnded(coro::Instant deadline) {
  std::shared_ptr<coro::Event> uses_ended;
  {
    coro::MutexLock lock(mu_);
    ANTEROOM_CHECK(state() == LeaseState::kExiting);
    if (uses_ == 0) co_return coro::Wake::kSignalled;
    uses_ended = uses_ended_;
  }
  coro::Task<coro::Wake> wait = uses_ended->Wait({}, deadline);
  co_return co_await std::move(wait);
}

std::stop_token Lease::use_stop() {
  coro::MutexLock lock(mu_);
  if (!use_stop_.stop_possible()) use_stop_ = std::stop_source();
  return use_stop_.get_token();
}

void Lease::CancelUses() {
  std::stop_source stop(std::nostopstate);
  {
    coro::MutexLock lock(mu_);
    if (!use_stop_.stop_possible()) use_stop_ = std::stop_source();
    stop = use_stop_;
  }
  stop.request_stop();
}

void Lease::Lose(const absl::Status& why) {
  {
    coro::MutexLock lock(mu_);
    loss_ = why;
  }
  CancelUses();
}

absl::Status Lease::loss() const {
  coro::MutexLock lock(mu_);
  return loss_;
}

absl::Duration Lease::Clamp(absl::Duration ttl) const {
  const Policy& policy = pool_.policy();
  if (ttl == absl::ZeroDuration()) return policy.default_ttl;
  return std::min(ttl, policy.max_ttl);
}

coro::Instant Lease::Expiry() const {
  if (options_.stream_bound || state() != LeaseState::kHeld) {
    return coro::kNever;
  }
  const coro::Instant expiry = coro::After(renewed_at_, ttl_);
  if (uses_ == 0 || runtime_.clock.Now() < expiry) return expiry;
  return coro::After(renewed_at_, pool_.policy().max_ttl);
}

coro::Instant Lease::NoticeAt() const {
  if (told_revoking_ || revoke_at_ == coro::kNever) return coro::kNever;
  return revoke_at_ - absl::ToChronoNanoseconds(pool_.policy().revoke_notice);
}

absl::Status Lease::Renew(absl::Duration ttl) {
  coro::MutexLock lock(mu_);
  if (state() != LeaseState::kHeld && state() != LeaseState::kEntering) {
    return EndedError();
  }
  if (ttl != absl::ZeroDuration()) ttl_ = Clamp(ttl);
  renewed_at_ = runtime_.clock.Now();
  return absl::OkStatus();
}

void Lease::Revoke(coro::Instant when, ExitReason reason) {
  coro::MutexLock lock(mu_);
  if (state() != LeaseState::kHeld || when >= revoke_at_) return;
  revoke_at_ = when;
  revoke_reason_ = reason;
  TellRevoking();
}

void Lease::TellRevoking() {
  told_revoking_ = true;
  Emit(Phase::kRevoking);
}

bool Lease::DecideEnd(coro::Instant& next) {
  coro::Timers::Id timer = coro::Timers::Id::kNone;
  {
    coro::MutexLock lock(mu_);
    next = coro::kNever;
    if (state() != LeaseState::kHeld) return false;
    const coro::Instant now = runtime_.clock.Now();
    const coro::Instant expiry = Expiry();
    if (timer_when_ <= now) timer_ = coro::Timers::Id::kNone;  // it has fired
    if (now < std::min(expiry, revoke_at_)) {
      if (now >= NoticeAt()) TellRevoking();
      put_off_ = uses_ > 0;  // its end may bring the expiry forward
      next = std::min({expiry, revoke_at_, NoticeAt()});
      return false;
    }
    timer = BeginExiting(
        ExitCause{now >= revoke_at_ ? revoke_reason_ : ExitReason::kTtlExpired,
                  absl::OkStatus(), false});
  }
  runtime_.timers.Cancel(timer);
  return true;
}

coro::Timers::Id Lease::SetTimer(coro::Timers::Id timer, coro::Instant when) {
  coro::MutexLock lock(mu_);
  if (state() != LeaseState::kHeld) return timer;
  if (timer_ != coro::Timers::Id::kNone && timer_when_ <= when) return timer;
  timer_when_ = when;
  return std::exchange(timer_, timer);
}

}  // namespace anteroom::lifecycle
