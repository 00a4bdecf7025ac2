#include "server/lifecycle/lease.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/container/inlined_vector.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "server/coro/check.h"
#include "server/coro/prefetch.h"
#include "server/error/error.h"
#include "server/lifecycle/instance.h"
#include "server/lifecycle/lease_table.h"
#include "server/lifecycle/pool.h"

namespace anteroom::lifecycle {
namespace {

std::chrono::nanoseconds SinceEpoch(absl::Time time) {
  return std::chrono::nanoseconds(absl::ToUnixNanos(time));
}

// A date in hundredths of a second: five bytes tell centuries apart.
std::int64_t Hundredths(absl::Time time) {
  return absl::ToUnixMillis(time) / 10;
}

absl::Time FromHundredths(std::int64_t hundredths) {
  return absl::FromUnixMillis(hundredths * 10);
}

// An instant's microseconds, rounded up: nothing ends before its time.
std::int64_t MicrosUp(coro::Instant instant) {
  return std::chrono::ceil<std::chrono::microseconds>(
             instant.time_since_epoch())
      .count();
}

// None, where rounding has made `since` the later one.
std::chrono::nanoseconds Passed(coro::Instant since, coro::Instant now) {
  return std::max(std::chrono::nanoseconds(now - since),
                  std::chrono::nanoseconds(0));
}

}  // namespace

Lease::Lease(Pool& pool, std::uint64_t secret, Place place,
             std::uint64_t number, AcquireOptions&& options)
    : secret_(secret),
      home_{.pool = &pool},
      place_(place),
      ttl_(Clamp(options.ttl, pool.policy())),
      number_(static_cast<std::int64_t>(number)),
      fencing_token_(pool.first_number()),
      create_time_(Hundredths(pool.runtime().clock.WallNow())),
      entered_at_(0),
      asked_{options.no_wait, options.stream_bound, options.deferred} {
  coro::MutexLock lock(mu_);
  PackedStrings words = PackWords(options);
  if (!words.empty()) apart_ = new Apart{std::move(words), nullptr};
  if (options.deferred) {
    rare().deferred =
        std::make_unique<Deferred>(pool.runtime(), options.enter_by);
  }
  if (options.sink != nullptr) rare().sink = std::move(options.sink);
  if (options.argument != Payload()) {
    entering().argument = std::move(options.argument);
  }
}

Lease::~Lease() {
  const LeaseState last = state();
  ANTEROOM_CHECK(last == LeaseState::kWaiting || last == LeaseState::kEnded);
  delete apart_.load();
}

// Nobody else has it any more, and it is not bound.
void Lease::operator delete(Lease* lease, std::destroying_delete_t)
    ABSL_NO_THREAD_SAFETY_ANALYSIS {
  LeaseTable& table = lease->home().leases();
  const Place place = lease->place_;
  lease->~Lease();
  table.Free(place);
}

PackedStrings Lease::PackWords(const AcquireOptions& options) {
  const std::string priority =
      options.priority == 0 ? "" : absl::StrCat(options.priority);
  if (options.key.empty() && options.holder.empty() && options.labels.empty() &&
      options.request.empty() && priority.empty()) {
    return {};
  }
  absl::InlinedVector<absl::string_view, 9> words = {
      options.key, options.holder, options.request, options.arguments,
      priority};
  for (const auto& [key, value] : options.labels) {
    words.insert(words.end(), {key, value});
  }
  return PackedStrings(words);
}

absl::string_view Lease::WordAt(Word word) const {
  const Apart* const apart = apart_.load(std::memory_order_acquire);
  return apart == nullptr || apart->words.empty()
             ? absl::string_view()
             : apart->words[static_cast<std::size_t>(word)];
}

std::int32_t Lease::priority() const {
  std::int32_t priority = 0;  // as it stays where there is no such word
  (void)absl::SimpleAtoi(WordAt(Word::kPriority), &priority);
  return priority;
}

Labels Lease::labels() const {
  Labels labels;
  const Apart* const apart = apart_.load(std::memory_order_acquire);
  if (apart == nullptr) return labels;
  const std::vector<absl::string_view> words = apart->words.Views();
  for (auto i = static_cast<std::size_t>(Word::kLabels); i < words.size();
       i += 2) {
    labels.emplace(words[i], words[i + 1]);
  }
  return labels;
}

Pool& Lease::pool() const {
  coro::MutexLock lock(mu_);
  return home();
}

Pool& Lease::home() const {
  return noted_.bound ? home_.instance->pool() : *home_.pool;
}

const coro::Runtime& Lease::runtime() const { return home().runtime(); }

const Policy& Lease::policy() const { return home().policy(); }

std::uint64_t Lease::number() const {
  coro::MutexLock lock(mu_);
  return number_locked();
}

std::uint64_t Lease::number_locked() const {
  return static_cast<std::uint64_t>(number_.Near(home().first_number()));
}

std::uint64_t Lease::fencing_token() const {
  coro::MutexLock lock(mu_);
  return fencing_token_locked();
}

std::uint64_t Lease::fencing_token_locked() const {
  const std::int64_t first = home().first_number();
  const std::int64_t token = fencing_token_.Near(first);
  return token == first ? 0 : static_cast<std::uint64_t>(token);
}

Lease::Rare& Lease::rare() {
  Apart* apart = apart_.load(std::memory_order_relaxed);
  if (apart == nullptr) {
    apart = new Apart();
    apart_.store(apart, std::memory_order_release);
  }
  if (apart->rare == nullptr) apart->rare = std::make_unique<Rare>();
  return *apart->rare;
}

Lease::Entering& Lease::entering() {
  std::unique_ptr<Entering>& entering = rare().entering;
  if (entering == nullptr) entering = std::make_unique<Entering>();
  return *entering;
}

std::stop_source& Lease::use_stop_source() {
  std::stop_source& stop = rare().use_stop;
  if (!stop.stop_possible()) stop = std::stop_source();
  return stop;
}

const Lease::Rare& Lease::kept() const {
  static const Rare& nothing = *new Rare;  // never destroyed
  const Apart* const apart = apart_.load(std::memory_order_relaxed);
  return apart == nullptr || apart->rare == nullptr ? nothing : *apart->rare;
}

Receipt Lease::MakeReceipt() const {
  ANTEROOM_CHECK(state() == LeaseState::kEnded);
  const Rare& kept = this->kept();
  return {.reason = kept.cause.reason,
          .error_suppressed = kept.error_suppressed,
          .exit_status = kept.exit_status,
          .held = absl::FromChrono(kept.held),
          .exited = absl::FromChrono(kept.exited),
          .attempts = kept.attempts,
          .end_time = absl::FromUnixNanos(kept.end_time.count())};
}

std::string Lease::name() const {
  coro::MutexLock lock(mu_);
  return name_locked();
}

std::string Lease::name_locked() const {
  return LeaseName(home().resource(), number_locked());
}

const std::string& Lease::resource() const { return pool().resource(); }

LeaseInfo Lease::info() const {
  coro::MutexLock lock(mu_);
  return {name_locked(), fencing_token_locked(), std::string(holder()),
          labels()};
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
  view.fencing_token = fencing_token_locked();
  view.ttl = ttl_.value();
  const coro::Clock& clock = runtime().clock;
  const coro::Instant now = clock.Now();
  view.create_time =
      FromHundredths(create_time_.Near(Hundredths(clock.WallNow())));
  view.expire_time = WallAt(Expiry(now), now);
  view.revoke_time = state() == LeaseState::kHeld ? WallAt(RevokeAt(now), now)
                                                  : absl::InfiniteFuture();
  if (bound_to() != nullptr) {
    view.instance_id = bound_to()->info().instance_id;
  } else if (kept().instance_number != 0) {
    view.instance_id = InstanceName(home().resource(), kept().instance_number);
  }
  if (kept().value != nullptr) view.value = *kept().value;
  if (view.state == LeaseState::kEnded) view.receipt = MakeReceipt();
  return view;
}

std::shared_ptr<EventSink> Lease::sink() const {
  coro::MutexLock lock(mu_);
  return kept().sink;
}

Payload Lease::TakeArgument() {
  coro::MutexLock lock(mu_);
  if (kept().entering == nullptr) return {};
  return std::exchange(kept().entering->argument, Payload());
}

void Lease::Transition(LeaseState to) {
  ANTEROOM_CHECK(MayFollow(state(), to));
  state_.store(to, std::memory_order_release);
}

absl::Time Lease::Emit(Phase phase, std::shared_ptr<const EventDetails> details,
                       int position) {
  Event event;
  if (bound_to() != nullptr) {
    event.subject = bound_to()->subject();
  } else {
    event.subject = home().SubjectOf(key());
  }
  event.lease_number = number_locked();
  event.phase = phase;
  event.queue_position = position;
  event.details = std::move(details);
  EventSink* const sink = raw_sink();
  return home().events().Append(
      std::move(event), absl::MakeConstSpan(&sink, sink == nullptr ? 0 : 1));
}

// What is kept of an ended lease is its receipt, for minutes: free the rest,
// above all what the client sent.
void Lease::LetGo() {
  Rare& kept = rare();
  if (bound_to() != nullptr) {
    kept.instance_number = bound_to()->number();
    home_.pool = &home();
    noted_.bound = false;
  }
  kept.sink.reset();
  kept.entering.reset();
  kept.value.reset();
  kept.cause.error = absl::OkStatus();
}

absl::Time Lease::WallAt(coro::Instant instant, coro::Instant now) const {
  if (instant == coro::kNever) return absl::InfiniteFuture();
  return runtime().clock.WallNow() + coro::Between(now, instant);
}

void Lease::Queued(int position) {
  coro::MutexLock lock(mu_);
  Emit(Phase::kWaiting, nullptr, position);
}

void Lease::Bind(Instance& instance, std::uint64_t fencing_token) {
  coro::MutexLock lock(mu_);
  home_.instance = &instance;
  noted_.bound = true;
  fencing_token_ = LowBytes<6>(static_cast<std::int64_t>(fencing_token));
  Transition(LeaseState::kEntering);
  if (instance.hooks.enter) Emit(Phase::kEntering);
}

std::optional<ExitCause> Lease::Enter(Payload value, coro::Instant now) {
  std::unique_ptr<Entering> entering;  // let go of when the lock is, too
  {
    coro::MutexLock lock(mu_);
    if (value != Payload()) {
      rare().value = std::make_unique<Payload>(std::move(value));
    }
    entered_at_ = LowBytes<6>(MicrosUp(now));
    Transition(LeaseState::kHeld);
    Emit(Phase::kEntered);
    if (kept().entering != nullptr) entering = std::move(rare().entering);
  }
  return entering == nullptr ? std::nullopt : std::move(entering->early_end);
}

coro::Instant Lease::enter_by() const {
  coro::MutexLock lock(mu_);
  return kept().deferred->enter_by;
}

void Lease::AnnounceEntered() {
  if (deferred()) entered().Set();
}

coro::Event& Lease::entered() const {
  coro::MutexLock lock(mu_);
  return kept().deferred->entered;
}

void Lease::Fail(const absl::Status& status, bool announce) {
  {
    coro::MutexLock lock(mu_);
    if (announce) Emit(Phase::kFailed, DetailsOf(status));
    Rare& kept = rare();
    const bool asked_for =
        kept.entering != nullptr && kept.entering->early_end.has_value();
    kept.cause.reason =
        asked_for ? kept.entering->early_end->reason : ExitReason::kEnterFailed;
    kept.end_time = SinceEpoch(runtime().clock.WallNow());
    kept.enter_failure = status;
    Transition(LeaseState::kEnded);
    LetGo();
  }
  AnnounceEntered();
}

bool Lease::AbortEnter(ExitCause cause) {
  std::stop_source stop(std::nostopstate);
  {
    coro::MutexLock lock(mu_);
    if (state() != LeaseState::kEntering) return false;
    if (!entering().early_end.has_value()) {
      entering().early_end = std::move(cause);
    }
    stop = entering().stop;
  }
  stop.request_stop();
  return true;
}

std::stop_token Lease::enter_stop() {
  coro::MutexLock lock(mu_);
  ANTEROOM_CHECK(state() == LeaseState::kEntering);
  std::stop_source& stop = entering().stop;
  if (!stop.stop_possible()) {
    stop = std::stop_source();
    // Nobody has its token yet.
    if (entering().early_end.has_value()) stop.request_stop();
  }
  return stop.get_token();
}

coro::Task<absl::Status> Lease::AwaitEntered(std::stop_token stop,
                                             coro::Instant deadline) {
  coro::Event& entered = this->entered();
  if (entered.is_set()) co_return absl::OkStatus();
  coro::Task<coro::Wake> wait = entered.Wait(std::move(stop), deadline);
  switch (co_await std::move(wait)) {
    case coro::Wake::kCancelled:
      co_return absl::CancelledError("the caller left");
    case coro::Wake::kTimedOut:
      co_return absl::DeadlineExceededError("the call's deadline passed");
    default:
      break;
  }
  coro::MutexLock lock(mu_);
  if (state() == LeaseState::kEnded &&
      kept().cause.reason != ExitReason::kEnterFailed) {
    co_return EndedError();  // released, revoked or drained meanwhile
  }
  co_return kept().enter_failure;
}

bool Lease::DecideExit(ExitCause cause, coro::Instant now) {
  coro::MutexLock lock(mu_);
  if (state() != LeaseState::kHeld) return false;
  BeginExiting(std::move(cause), now);
  return true;
}

void Lease::BeginExiting(ExitCause cause, coro::Instant now) {
  Rare& kept = rare();
  kept.cause = std::move(cause);
  kept.held = Passed(EnteredAt(now), now);
  kept.exiting_since = now;
  Transition(LeaseState::kExiting);
  if (noted_.uses > 0) {
    kept.uses_ended = std::make_shared<coro::Event>(runtime());
  }
  home().lease_timers().Cancel(*this);
}

void Lease::BeginExit() {
  coro::MutexLock lock(mu_);
  Emit(Phase::kExiting);
}

void Lease::End(bool suppressed, absl::Status exit_status, int attempts,
                coro::Instant now) {
  coro::MutexLock lock(mu_);
  Rare& kept = rare();
  kept.end_time = SinceEpoch(Emit(Phase::kExited, DetailsOf(exit_status)));
  kept.error_suppressed = suppressed;
  kept.exit_status = std::move(exit_status);
  kept.exited = now - kept.exiting_since;
  kept.attempts = attempts;
  Transition(LeaseState::kEnded);
  LetGo();
}

void Lease::AnnounceEnd() {
  coro::Event* ended = nullptr;
  EndCall call;
  {
    coro::MutexLock lock(mu_);
    noted_.announced_end = true;
    ended = rare().ended.get();
    call = std::exchange(rare().on_end, nullptr);
  }
  if (ended != nullptr) ended->Resume();
  if (call) std::move(call)(receipt());
}

void Lease::OnEnd(EndCall call) {
  ANTEROOM_CHECK(stream_bound());
  {
    coro::MutexLock lock(mu_);
    if (!noted_.announced_end) {
      rare().on_end = std::move(call);
      return;
    }
  }
  std::move(call)(receipt());
}

coro::Event& Lease::ended() {
  coro::MutexLock lock(mu_);
  std::unique_ptr<coro::Event>& ended = rare().ended;
  if (ended == nullptr) {
    ended = std::make_unique<coro::Event>(runtime());
    if (noted_.announced_end) ended->Set();  // nobody waits for it yet
  }
  return *ended;
}

bool Lease::has_ended() const {
  coro::MutexLock lock(mu_);
  return noted_.announced_end;
}

ExitCause Lease::cause() const {
  coro::MutexLock lock(mu_);
  ANTEROOM_CHECK(state() == LeaseState::kExiting);
  return kept().cause;
}

Instance* Lease::instance() const {
  coro::MutexLock lock(mu_);
  return bound_to();
}

Payload Lease::value() const {
  coro::MutexLock lock(mu_);
  return kept().value == nullptr ? Payload() : *kept().value;
}

void Lease::PrefetchApart() const {
  coro::Prefetch(apart_.load(std::memory_order_relaxed));
}

// An ended lease's stays where it is.
void Lease::PrefetchRare() const {
  coro::Prefetch(apart_.load(std::memory_order_relaxed)->rare.get());
}

Receipt Lease::receipt() const {
  coro::MutexLock lock(mu_);
  return MakeReceipt();
}

absl::Status Lease::EndedError() const {
  const ExitReason reason = kept().cause.reason;
  const absl::Status& failure = kept().enter_failure;
  return WithMetadata(
      Error(Reason::kLeaseEnded,
            absl::StrCat("the lease ", name_locked(),
                         " has ended: ", ExitReasonName(reason),
                         failure.ok() ? "" : ": ", failure.message())),
      "exit_reason", ExitReasonName(reason));
}

absl::StatusOr<Instance*> Lease::BeginUse(absl::string_view method,
                                          std::uint64_t fencing_token) {
  coro::MutexLock lock(mu_);
  if (state() != LeaseState::kHeld) return EndedError();
  if (fencing_token != 0 && fencing_token != fencing_token_locked()) {
    return Error(Reason::kStaleFencingToken,
                 absl::StrCat("fencing token ", fencing_token,
                              " is not the lease's, ", fencing_token_locked()));
  }
  ++noted_.uses;
  if (raw_sink() != nullptr || home().events().watched()) {
    Emit(Phase::kUsed, MakeDetails({.message = std::string(method)}));
  }
  return home_.instance;
}

bool Lease::EndUse() {
  std::shared_ptr<coro::Event> uses_ended;
  bool put_off = false;
  {
    coro::MutexLock lock(mu_);
    --noted_.uses;
    if (noted_.uses > 0) return false;
    uses_ended = kept().uses_ended;
    put_off = noted_.put_off;
    noted_.put_off = false;
  }
  if (uses_ended != nullptr) uses_ended->Set();
  return put_off;
}

bool Lease::in_use() const {
  coro::MutexLock lock(mu_);
  return noted_.uses > 0;
}

coro::Task<coro::Wake> Lease::UsesEnded(coro::Instant deadline) {
  std::shared_ptr<coro::Event> uses_ended;
  {
    coro::MutexLock lock(mu_);
    ANTEROOM_CHECK(state() == LeaseState::kExiting);
    if (noted_.uses == 0) co_return coro::Wake::kSignalled;
    uses_ended = kept().uses_ended;
  }
  coro::Task<coro::Wake> wait = uses_ended->Wait({}, deadline);
  co_return co_await std::move(wait);
}

std::stop_token Lease::use_stop() {
  coro::MutexLock lock(mu_);
  return use_stop_source().get_token();
}

void Lease::CancelUses() {
  std::stop_source stop(std::nostopstate);
  {
    coro::MutexLock lock(mu_);
    stop = use_stop_source();
  }
  stop.request_stop();
}

void Lease::Lose(const absl::Status& why) {
  {
    coro::MutexLock lock(mu_);
    rare().loss = why;
  }
  CancelUses();
}

absl::Status Lease::loss() const {
  coro::MutexLock lock(mu_);
  return kept().loss;
}

absl::Duration Lease::Clamp(absl::Duration ttl, const Policy& policy) {
  if (ttl == absl::ZeroDuration()) return policy.default_ttl;
  return std::min(ttl, policy.max_ttl);
}

coro::Instant Lease::EnteredAt(coro::Instant now) const {
  return coro::Instant(
      std::chrono::microseconds(entered_at_.Near(MicrosUp(now))));
}

coro::Instant Lease::RenewedAt(coro::Instant now) const {
  return renewed_after_.After(EnteredAt(now));
}

coro::Instant Lease::Expiry(coro::Instant now) const {
  if (stream_bound() || state() != LeaseState::kHeld) return coro::kNever;
  const coro::Instant renewed_at = RenewedAt(now);
  const coro::Instant expiry = ttl_.After(renewed_at);
  if (noted_.uses == 0 || now < expiry) return expiry;
  return coro::After(renewed_at, policy().max_ttl);
}

coro::Instant Lease::RevokeAt(coro::Instant now) const {
  return std::min(coro::After(EnteredAt(now), policy().max_hold),
                  kept().revoke_at);
}

coro::Instant Lease::NoticeOf(coro::Instant revoke_at) const {
  if (noted_.told_revoking || revoke_at == coro::kNever) return coro::kNever;
  return revoke_at - absl::ToChronoNanoseconds(policy().revoke_notice);
}

absl::Status Lease::Renew(absl::Duration ttl) {
  coro::MutexLock lock(mu_);
  if (state() != LeaseState::kHeld && state() != LeaseState::kEntering) {
    return EndedError();
  }
  if (ttl != absl::ZeroDuration()) ttl_ = SmallDuration(Clamp(ttl, policy()));
  if (state() == LeaseState::kHeld) {
    const coro::Instant now = runtime().clock.Now();
    renewed_after_ = SmallDuration(coro::Between(EnteredAt(now), now));
  }
  return absl::OkStatus();
}

void Lease::Revoke(coro::Instant when, ExitReason reason) {
  coro::MutexLock lock(mu_);
  if (state() != LeaseState::kHeld) return;
  if (when >= RevokeAt(runtime().clock.Now())) return;
  rare().revoke_at = when;
  rare().revoke_reason = reason;
  TellRevoking();
}

void Lease::TellRevoking() {
  noted_.told_revoking = true;
  const coro::Instant now = runtime().clock.Now();
  Emit(Phase::kRevoking, MakeDetails({.deadline = WallAt(RevokeAt(now), now)}));
}

bool Lease::DecideEnd(coro::Instant now) {
  coro::MutexLock lock(mu_);
  if (state() != LeaseState::kHeld) return false;
  const coro::Instant expiry = Expiry(now);
  const coro::Instant revoke_at = RevokeAt(now);
  if (now >= std::min(expiry, revoke_at)) {
    const ExitReason reason =
        now >= revoke_at ? kept().revoke_reason : ExitReason::kTtlExpired;
    BeginExiting(ExitCause{reason, absl::OkStatus(), false}, now);
    return true;
  }
  if (now >= NoticeOf(revoke_at)) TellRevoking();
  noted_.put_off = noted_.uses > 0;  // its end may bring the expiry forward
  const coro::Instant next = std::min({expiry, revoke_at, NoticeOf(revoke_at)});
  if (next != coro::kNever) home().lease_timers().Schedule(*this, next);
  return false;
}

}  // namespace anteroom::lifecycle
