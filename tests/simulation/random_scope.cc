#include "tests/simulation/random_scope.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/error/error.h"

namespace anteroom::lifecycle {

// What one stream was told, and is owed.
class RandomScope::Stream : public ScopeStream {
 public:
  Stream(RandomScope& scope, coro::Instant deadline, std::uint64_t after,
         bool by_acquire)
      : by_acquire(by_acquire),
        after(after),
        scope_(scope),
        deadline_(deadline),
        last_sequence_(after) {}

  void SendEvent(const Event& event) override {
    Heard();
    if (!scope_.world_.witness.checks()) return;
    scope_.world_.witness.ReadLog();
    scope_.Expect(scope_.acquire_.events, "an event that nobody asked for");
    scope_.Expect(event.sequence > last_sequence_,
                  "an event told twice, or late");
    scope_.Expect(
        event.lease_name().empty() ||
            scope_.world_.witness.Named(event.lease_name()) == &scope_.track_,
        "an event of another's lease");
    last_sequence_ = event.sequence;
    own_events += !event.lease_name().empty();
    if (event.phase == Phase::kExiting || event.phase == Phase::kExited) {
      scope_.CheckExitFollows(*this, event.phase);
    }
    scope_.InOrder(*this, {false, event.sequence});
    unread.push_back({false, event.sequence});
  }
  void SendEntered(const LeasePtr& lease) override {
    Heard();
    scope_.Expect(!entered, "entered twice");
    entered = true;
    scope_.OnEntered(lease);
  }
  void SendUsed(std::uint64_t call_id,
                absl::StatusOr<Payload>&& result) override {
    Heard();
    scope_.OnUsed(*this, call_id, result);
  }
  void SendExited(const Receipt& receipt) override {
    Heard();
    exited = true;
    scope_.OnExited(*this, receipt);
  }
  void Flush() override { unflushed = 0; }
  void Finish(const absl::Status& status) override {
    scope_.Expect(!finished, "finished twice");
    finished = true;
    unflushed = 0;
    scope_.OnFinish(*this, status);
  }
  coro::Instant deadline() const override { return deadline_; }

  const bool by_acquire;
  const std::uint64_t after;
  bool entered = false;
  bool exited = false;
  bool finished = false;
  bool superseded = false;
  std::size_t own_events = 0;
  std::set<std::uint64_t> owed;     // call ids
  std::set<std::uint64_t> late;     // that may be answered
  std::set<std::uint64_t> asked;    // that a resume named
  std::set<std::uint64_t> replied;  // on this stream
  std::vector<Message> unread;
  std::uint64_t last_retold = 0;
  int unflushed = 0;
  coro::Timers::Id timer = coro::Timers::Id::kNone;

 private:
  void Heard() {
    scope_.Expect(!finished, "a stream hears something after its end");
    scope_.Expect(!exited, "exited is not the last");
    ++unflushed;
  }

  RandomScope& scope_;
  const coro::Instant deadline_;
  std::uint64_t last_sequence_;
};

// ---- what it does ----

bool RandomScope::Attached() const {
  return stream_ != nullptr && !stream_->finished && !broken_;
}

bool RandomScope::MayResume() const {
  return grace_ > absl::ZeroDuration() && !malformed_ && !abandoned_ &&
         !spent_ && (entered_told_ || !acquire_.options.request.empty());
}

bool RandomScope::LeaseEnded() const {
  world_.witness.ReadLog();
  // Where nobody watches, only what its streams were told is known.
  const LeasePtr& lease = track_.lease == nullptr ? lease_ : track_.lease;
  return track_.over ||
         (lease != nullptr && lease->state() == LeaseState::kEnded);
}

// Though its lease may have been entered, too late, and exits.
bool RandomScope::AcquireFailed() const {
  if (entered_told_) return false;
  const bool in_time = track_.entered && track_.entered_at < track_.deadline;
  return track_.left || (!in_time && Now() >= track_.deadline);
}

std::shared_ptr<RandomScope::Stream> RandomScope::NewStream(std::uint64_t after,
                                                            bool by_acquire) {
  coro::Instant deadline = coro::kNever;
  if (world_.chance.OneIn(5)) {
    deadline = coro::After(Now(), world_.chance.Milliseconds(3000));
  }
  auto stream = std::make_shared<Stream>(*this, deadline, after, by_acquire);
  if (stream_ != nullptr) old_.push_back(std::move(stream_));
  stream_ = stream;
  return stream;
}

void RandomScope::Begin(Scope::AcquireRequested acquire,
                        coro::Instant deadline) {
  acquire_ = acquire;
  grace_ =
      std::min(acquire.disconnect_grace, world_.policy.max_disconnect_grace);
  stream_ = std::make_shared<Stream>(*this, deadline, 0, false);
  std::vector<Scope::Input> rest;
  if (!world_.witness.draining() && world_.chance.OneIn(4)) {
    rest = PutTogether();
  }
  const auto runner = world_.anteroom.scopes().Acquire(
      std::move(acquire), stream_, std::move(rest));
  if (runner.ok()) {
    runner_ = *runner;
    WatchDeadline();
    return;
  }
  Expect(HasReason(runner.status(), Reason::kDraining) &&
             world_.witness.draining(),
         "a scope was refused");
  stream_->finished = true;
  refused_ = gives_up_ = true;
  world_.witness.ScopeRefused(track_);
}

// As the transport does when a call's deadline passes.
void RandomScope::WatchDeadline() {
  if (stream_->deadline() == coro::kNever || stream_->finished) return;
  stream_->timer = world_.runtime.timers.Schedule(
      stream_->deadline(), [self = shared_from_this(), stream = stream_] {
        stream->timer = coro::Timers::Id::kNone;
        if (stream->finished || stream != self->stream_) return;
        self->broken_ = true;
        self->runner_->Feed(stream, Scope::Broken{absl::ZeroDuration()});
      });
}

void RandomScope::Act() {
  if (runner_ == nullptr) return;
  const std::uint64_t what = world_.chance.Pick(24);
  if (!Attached()) {
    if (what < 3) return Read(world_.chance.OneIn(2));
    if (what < 12) return Resume();
    if (what == 12) gives_up_ = true;
    if (what == 13) UseOnAnOldStream();
    return;
  }
  if (half_closed_) {
    // It has said that it will say no more.
    if (what < 8) return Read(/*all=*/true);
    if (what < 10) return Break();
    if (what < 14) Resume();
    return;
  }
  if (what < 6) {
    NewUse(/*arrives=*/true);
  } else if (what < 8) {
    runner_->Feed(stream_, PutTogether());
  } else if (what < 10) {
    CancelOne();
  } else if (what < 13) {
    Read(world_.chance.OneIn(2));
  } else if (what < 15) {
    Acknowledge();
  } else if (what < 17) {
    Release(/*certain=*/world_.chance.OneIn(2));
  } else if (what < 20) {
    Break();
  } else if (what == 20) {
    HalfClose();
  } else if (what == 21) {
    Resume();
  } else if (what == 22) {
    UseOnAnOldStream();
  } else if (world_.chance.OneIn(2)) {
    ReleaseByLease();
  } else if (world_.chance.OneIn(2)) {
    UseALiveId();
  } else if (world_.chance.OneIn(2)) {
    Malform();
  }
}

void RandomScope::Say(Scope::Input input) {
  if (together_.has_value()) return together_->push_back(std::move(input));
  runner_->Feed(stream_, std::move(input));
}

std::vector<Scope::Input> RandomScope::PutTogether() {
  together_.emplace();
  for (std::uint64_t left = 1 + world_.chance.Pick(4); left > 0; --left) {
    const std::uint64_t what = world_.chance.Pick(4);
    if (what < 2) {
      NewUse(/*arrives=*/true);
    } else if (what == 2) {
      CancelOne();
    } else {
      Acknowledge();
    }
  }
  if (world_.chance.OneIn(3)) Release(/*certain=*/false);
  return *std::exchange(together_, std::nullopt);
}

void RandomScope::SendUse(std::uint64_t call_id) {
  Call& call = calls_.at(call_id);
  // Where its lease's end is told before it is heard, nothing answers it.
  const bool late = LeaseEnded();
  if (!late && !std::exchange(call.arrived, true)) {
    call.before_exit = !track_.told_exiting;
    call.use->sent = world_.witness.NextSent();
  }
  // What never arrived cannot have been cancelled.
  if (std::exchange(call.use->disowned, false)) call.use->left = false;
  if (!stream_->by_acquire || !stream_->replied.contains(call_id)) {
    (late ? stream_->late : stream_->owed).insert(call_id);
  }
  absl::Status invalid;
  if (call.invalid) invalid = InvalidField("method_name", "is none");
  Say(std::make_unique<Scope::Use>(
      call_id, "m", world_.witness.ArgumentOf(*call.use), std::move(invalid)));
}

UseTrack& RandomScope::MakeUse(bool arrives) {
  UseTrack& use = world_.witness.NewUse();
  if (grace_ == absl::ZeroDuration()) use.deadline = stream_->deadline();
  use.any_deadline =
      grace_ == absl::ZeroDuration() && !acquire_.options.request.empty();
  use.disowned = !arrives;
  return use;
}

void RandomScope::NewUse(bool arrives) {
  std::uint64_t call_id = ++last_call_;
  if (world_.chance.OneIn(6)) {
    // The id of a call whose reply it has read, for another. Without having
    // acknowledged that, only where it cannot be taken for the first.
    const bool clear = arrives && !stream_->by_acquire && !LeaseEnded();
    const auto has_read = [this](std::uint64_t id) {
      const auto& unread = stream_->unread;
      return std::find(unread.begin(), unread.end(), Message(true, id)) ==
             unread.end();
    };
    for (const auto& [id, call] : calls_) {
      const bool free = call.answered && (call.acknowledged || clear);
      if (free && has_read(id)) call_id = id;
    }
  }
  Call& call = calls_[call_id];
  call = Call();
  told_.erase({true, call_id});
  for (const auto& old : old_) old->asked.erase(call_id);
  stream_->asked.erase(call_id);
  stream_->replied.erase(call_id);
  call.use = &MakeUse(arrives);
  call.invalid = world_.chance.OneIn(15);
  if (arrives) SendUse(call_id);
}

// The id of a call that is live, for another: it is refused.
void RandomScope::UseALiveId() {
  world_.settle();
  if (!Attached() || stream_->by_acquire || stream_->owed.empty()) return;
  UseTrack& use = world_.witness.NewUse();
  use.disowned = true;
  again_ = *stream_->owed.begin();
  runner_->Feed(stream_, std::make_unique<Scope::Use>(
                             again_, "m", world_.witness.ArgumentOf(use)));
  Expect(std::exchange(again_, 0) == 0, "a live call's id was taken again");
}

// One that the scope has no more: what it says is nothing.
void RandomScope::UseOnAnOldStream() {
  if (old_.empty()) return;
  UseTrack& use = world_.witness.NewUse();
  use.disowned = true;
  std::vector<Scope::Input> said;
  said.emplace_back(std::make_unique<Scope::Use>(
      ++last_call_, "m", world_.witness.ArgumentOf(use)));
  const auto& old = old_[world_.chance.Pick(old_.size())];
  if (world_.chance.OneIn(2)) {
    runner_->Feed(old, std::move(said));
  } else {
    runner_->Feed(old, std::move(said.front()));
  }
}

std::vector<std::uint64_t> RandomScope::Unanswered() const {
  std::vector<std::uint64_t> unanswered;
  for (const auto& [id, call] : calls_) {
    if (!call.answered) unanswered.push_back(id);
  }
  return unanswered;
}

void RandomScope::CancelOne() {
  const std::vector<std::uint64_t> ids = Unanswered();
  if (ids.empty()) return;
  const std::uint64_t id = ids[world_.chance.Pick(ids.size())];
  calls_.at(id).use->left = true;
  Say(Scope::CancelRequested{id});
}

void RandomScope::Acknowledge() {
  Scope::Acknowledged acknowledged;
  const bool late = LeaseEnded();
  for (auto& [id, call] : calls_) {
    if (!call.answered || world_.chance.OneIn(3)) continue;
    call.acknowledged = !late;
    acknowledged.call_ids.push_back(id);
  }
  Say(std::move(acknowledged));
}

void RandomScope::Release(bool certain) {
  ExitCause cause;
  if (world_.chance.OneIn(4)) {
    cause.reason = ExitReason::kBodyFailed;
    cause.error = absl::AbortedError("the body failed");
  }
  if (certain) world_.settle();
  if (!Attached()) return;
  if (!released_ && !half_closed_ && !malformed_ && !spent_) {
    world_.witness.Tell("scope releases", track_.number);
    if (certain && lease_ != nullptr) {
      cause.tainted = world_.chance.OneIn(6);
      world_.witness.Ending(track_, cause);
    } else {
      if (certain && world_.chance.OneIn(2)) {  // it does not wait any more
        cause.reason = ExitReason::kCancelled;
        cause.error = absl::CancelledError("the body was cancelled");
        world_.witness.Left(track_);
      }
      track_.asked.push_back(cause);
    }
  }
  released_ = true;
  Say(Scope::ReleaseRequested{std::move(cause)});
}

// By a unary call, which the scope hears of as of any other end.
void RandomScope::ReleaseByLease() {
  if (!knows_lease_) return;
  if (world_.chance.OneIn(2)) {
    // While the scope has yet to hear of a notice, and of a call behind it.
    const absl::Duration notice =
        absl::Milliseconds(1) + world_.chance.Milliseconds(600);
    world_.witness.Revoked(track_, notice, ExitReason::kRevoked);
    lease_->pool().Revoke(lease_, notice, ExitReason::kRevoked);
    NewUse(/*arrives=*/true);
  }
  const ExitCause cause;
  world_.witness.Ending(track_, cause);
  lease_->pool().End(lease_, cause);
}

void RandomScope::HalfClose() {
  if (half_closed_) return;
  world_.settle();
  if (!Attached()) return;
  world_.witness.Tell("scope half-closes", track_.number);
  half_closed_ = true;
  if (!released_ && !malformed_) {
    half_closed_waits_ = MayResume();
    LeavesAt(MayResume() ? coro::After(Now(), grace_) : Now(), /*gone=*/false);
  }
  runner_->Feed(stream_, Scope::HalfClosed{});
}

void RandomScope::Malform() {
  world_.settle();
  if (!Attached()) return;
  world_.witness.Tell("scope says nonsense", track_.number);
  if (!released_ && !malformed_) {
    LeavesAt(Now(), /*gone=*/false);
    malformed_ = true;
  }
  runner_->Feed(stream_, Scope::Malformed{Error(Reason::kInvalidRequest, "x")});
}

void RandomScope::Break() {
  if (world_.chance.OneIn(3)) NewUse(/*arrives=*/false);
  world_.witness.Tell("scope breaks", track_.number);
  broken_ = true;
  runner_->Feed(stream_, Scope::Broken{coro::Between(
                             Now(), std::max(Now(), stream_->deadline()))});
}

void RandomScope::LeavesAt(coro::Instant when, bool gone) {
  track_.leaves_at = std::min(track_.leaves_at, when);
  if (gone) track_.gone_at = std::min(track_.gone_at, when);
}

void RandomScope::Read(bool all) {
  std::size_t count = stream_->unread.size();
  if (!all && count > 0) count = world_.chance.Pick(count + 1);
  for (std::size_t i = 0; i < count; ++i) {
    const auto& [reply, number] = stream_->unread[i];
    if (!reply) {
      read_sequence_ = number;
    } else if (const auto call = calls_.find(number); call != calls_.end()) {
      const bool anew = call->second.use->disowned;
      call->second.answered = !anew;
      if (anew && Attached() && !half_closed_) SendUse(number);
    }
  }
  stream_->unread.erase(stream_->unread.begin(),
                        stream_->unread.begin() + static_cast<long>(count));
  knows_lease_ |= stream_->entered;
}

void RandomScope::Resume() {
  if (gives_up_) return;
  // What it has not read by now is lost.
  Read(/*all=*/false);
  if (!Attached() && world_.chance.OneIn(8)) world_.settle();
  if (!acquire_.options.request.empty() &&
      (!knows_lease_ || world_.chance.OneIn(3))) {
    return ResumeByAcquire();
  }
  if (knows_lease_) ResumeByLease();
}

void RandomScope::ResumeByLease() {
  world_.settle();
  if (gives_up_ || Over()) return;  // and forgotten
  const std::string lease_id = lease_->id();
  const bool must = MayResume() && Now() < track_.gone_at &&
                    !world_.witness.draining() &&
                    (!LeaseEnded() || Attached() || Now() < lingers_until_);
  const bool may = grace_ > absl::ZeroDuration();
  const bool late = !MayResume() || Now() >= track_.gone_at ||
                    (LeaseEnded() && exited_told_ && Now() >= lingers_until_);
  Scope::Resumed resumed;
  resumed.after_sequence = read_sequence_;
  resumed.unanswered = Unanswered();
  if (world_.chance.OneIn(6)) {
    // One that was never said.
    Call& call = calls_[++last_call_];
    call.use = &MakeUse(/*arrives=*/false);
    resumed.unanswered.push_back(last_call_);
  }
  world_.witness.Tell("scope resumes", track_.number);
  const std::shared_ptr<Stream> before = stream_;
  const bool was_attached = Attached();
  const std::shared_ptr<Stream> stream =
      NewStream(read_sequence_, /*by_acquire=*/false);
  stream->owed.insert(resumed.unanswered.begin(), resumed.unanswered.end());
  stream->asked = stream->owed;
  if (must || may) Back();
  const auto runner =
      world_.anteroom.scopes().Resume(lease_id, std::move(resumed), stream);
  Expect(runner.ok() || !must, "a scope within its grace was not resumed");
  Expect(!runner.ok() || may, "a scope without grace was resumed");
  if (!runner.ok()) {
    refused_ = true;
    stream->finished = true;
    if (was_attached) {  // it keeps the stream that it had
      old_.pop_back();
      stream_ = before;
    }
    return;
  }
  Expect(*runner == runner_, "another's scope was resumed");
  Expect(!must || stream->entered, "a scope that is resumed tells no lease");
  Expect(!stream->entered || was_attached || !late,
         "a scope was resumed after its grace");
  Expect(!was_attached || before->superseded, "two streams have one scope");
  WatchDeadline();
}

void RandomScope::ResumeByAcquire() {
  world_.settle();
  if (gives_up_ || Over()) return;  // and forgotten
  // So is one that was entered too late, or when it had been taken or lost: its
  // acquire has failed.
  const bool lost =
      track_.IsLost() && track_.entered_at >= track_.instance->lost_at;
  if (!acquire_.options.deferred && track_.entered &&
      (track_.ended_early || lost || track_.entered_at >= track_.deadline)) {
    return;
  }
  const bool must =
      Attached() ||
      (MayResume() && Now() < track_.gone_at && !world_.witness.draining() &&
       !AcquireFailed() &&
       (!LeaseEnded() || (!track_.over && Now() < lingers_until_)));
  if (!must) return;  // it would begin anew
  world_.witness.Tell("scope acquires again", track_.number);
  const std::shared_ptr<Stream> before = stream_;
  const bool was_attached = Attached();
  const std::shared_ptr<Stream> stream = NewStream(0, /*by_acquire=*/true);
  Back();
  const bool at_once = world_.chance.OneIn(2);
  std::vector<Scope::Input> rest;
  if (at_once) {
    together_.emplace();
    SendAgain();
    rest = *std::exchange(together_, std::nullopt);
  }
  const auto runner =
      world_.anteroom.scopes().Acquire(acquire_, stream, std::move(rest));
  Expect(runner.ok() && *runner == runner_,
         "the same acquire did not find its scope");
  if (!runner.ok()) return;
  runner_ = *runner;
  Expect(!was_attached || before->superseded, "two streams have one scope");
  WatchDeadline();
  if (!at_once) SendAgain();
}

void RandomScope::SendAgain() {
  for (const std::uint64_t id : Unanswered()) {
    if (!Attached()) return;
    const bool kept = grace_ > absl::ZeroDuration() || !calls_.at(id).arrived;
    if (kept && !world_.chance.OneIn(4)) SendUse(id);
  }
}

// It is there again: its grace is void.
void RandomScope::Back() {
  broken_ = false;
  if (abandoned_ || malformed_) return;
  if (half_closed_ && Now() >= track_.leaves_at) return;
  half_closed_ = half_closed_waits_ = false;
  track_.leaves_at = track_.gone_at = coro::kNever;
}

// ---- what it is told ----

void RandomScope::InOrder(Stream& stream, Message message) {
  const auto [place, anew] = told_.emplace(message, told_.size() + 1);
  if (anew) {
    place->second = ++last_told_;
    return;
  }
  Expect(place->second > stream.last_retold,
         "what was told before is told in another order");
  stream.last_retold = place->second;
}

void RandomScope::OnEntered(const LeasePtr& lease) {
  Expect(lease_ == nullptr || lease_ == lease, "two leases of a scope");
  lease_ = lease;
  if (!std::exchange(entered_told_, true) && world_.witness.checks()) {
    world_.witness.ReadLog();
    world_.witness.ScopeGranted(track_, lease_);
  }
}

void RandomScope::OnUsed(Stream& stream, std::uint64_t call_id,
                         const absl::StatusOr<Payload>& result) {
  Witness& witness = world_.witness;
  witness.Mix(call_id << 8 |
              static_cast<std::uint64_t>(result.status().code()));
  if (call_id == again_) {
    again_ = 0;
    return Expect(HasReason(result.status(), released_ || malformed_ || spent_
                                                 ? Reason::kLeaseEnded
                                                 : Reason::kInvalidRequest),
                  "what a live call's id was refused with");
  }
  stream.unread.push_back({true, call_id});
  if (calls_.contains(call_id)) {
    witness.Tell("replied", track_.number,
                 absl::StrCat(call_id, ", use ", calls_[call_id].use->number,
                              ": ", result.status().ToString()));
  }
  const bool owed =
      stream.owed.erase(call_id) > 0 || stream.late.erase(call_id) > 0;
  const bool anew = stream.replied.insert(call_id).second;
  const auto found = calls_.find(call_id);
  Expect(found != calls_.end(), "a reply to no call");
  if (found == calls_.end() || !witness.checks()) return;
  Call& call = found->second;
  Expect(owed || (stream.by_acquire && anew && !call.acknowledged),
         "a reply that nobody awaits");
  UseTrack& use = *call.use;
  if (HasReason(result.status(), Reason::kCallNotReceived)) {
    Expect(!call.arrived, "CALL_NOT_RECEIVED, but it was");
    Expect(!use.reached, "CALL_NOT_RECEIVED, but it has run");
    Expect(stream.asked.contains(call_id), "CALL_NOT_RECEIVED unasked");
    use.disowned = true;
    return;
  }
  if (HasReason(result.status(), Reason::kReplyLost)) {
    return Expect(abandoned_ || spent_ || world_.witness.draining(),
                  "REPLY_LOST, but it is not");
  }
  Expect(!use.disowned, "an answer to a call that was not said");
  InOrder(stream, {true, call_id});
  Expect(!call.invalid || HasReason(result.status(), Reason::kInvalidRequest),
         "what a call that is none was refused with");
  if (call.invalid) return Expect(!use.reached, "a call that is none has run");
  if (use.reached) {
    Expect(use.hook_over, "a call was answered before it ended");
    Expect(result.ok() == use.went_well, "a call's answer");
    Expect(!result.ok() || result->data == witness.ArgumentOf(use).data,
           "another call's answer");
    return;
  }
  Expect(!result.ok(), "a call that never ran went well");
  if (HasReason(result.status(), Reason::kLeaseEnded)) {
    Expect(released_ || half_closed_ || malformed_ || broken_ || abandoned_ ||
               lease_ == nullptr || lease_->state() != LeaseState::kHeld,
           "LEASE_ENDED of a live lease");
  } else if (absl::IsCancelled(result.status())) {
    Expect(use.left || acquire_.options.deferred,
           "a call was cancelled for no reason");
  } else {
    Expect(acquire_.options.deferred, "a call was not run for no reason");
  }
}

void RandomScope::OnExited(Stream& stream, const Receipt& receipt) {
  Expect(stream.owed.empty(), "exited, and a call has no reply");
  Expect(stream.entered, "exited, but not entered");
  exited_told_ = true;
  if (lease_ == nullptr || !world_.witness.checks()) return;
  world_.witness.ReadLog();
  Expect(lease_->state() == LeaseState::kEnded, "exited, but not ended");
  if (lease_->state() != LeaseState::kEnded) return;
  world_.witness.Released(track_, *lease_, receipt);
  ExpectAllEvents(stream);
}

// What was said before the exit began, or at least before it was over, is
// answered by then.
void RandomScope::CheckExitFollows(const Stream& stream, Phase phase) {
  if (!entered_told_ || abandoned_ || spent_) return;  // replies are lost
  for (const std::uint64_t id : stream.owed) {
    const Call& call = calls_.at(id);
    Expect(phase == Phase::kExiting ? !call.before_exit : !call.arrived,
           "the exit was told before a reply");
  }
}

// That the stream was told all of its lease.
void RandomScope::ExpectAllEvents(const Stream& stream) {
  if (!acquire_.events || abandoned_ || spent_) return;
  // Nothing is kept of one without a grace.
  if (grace_ == absl::ZeroDuration() && !old_.empty()) return;
  const std::vector<std::uint64_t>& own = track_.own_events;
  const auto first = std::upper_bound(own.begin(), own.end(), stream.after);
  Expect(static_cast<std::size_t>(own.end() - first) == stream.own_events,
         "an event of its lease was not told");
}

void RandomScope::OnFinish(Stream& stream, const absl::Status& status) {
  Witness& witness = world_.witness;
  witness.Mix(static_cast<std::uint64_t>(status.code()));
  witness.Tell("stream ends", track_.number, status.ToString());
  world_.runtime.timers.Cancel(
      std::exchange(stream.timer, coro::Timers::Id::kNone));
  if (HasReason(status, Reason::kSuperseded)) {
    stream.superseded = true;
    return Expect(&stream != stream_.get(), "SUPERSEDED by nobody");
  }
  Expect(&stream == stream_.get(), "another stream's end");
  spent_ |= half_closed_waits_ && Now() >= track_.leaves_at;
  half_closed_waits_ = false;
  if (stream.exited) {
    Expect(status.ok() || malformed_ || abandoned_, "a scope's status");
    lingers_until_ = MayResume() ? coro::After(Now(), grace_) : Now();
    return;
  }
  if (broken_ && absl::IsCancelled(status) &&
      status.message() == "the stream broke") {
    absl::Duration left = grace_;
    if (stream.deadline() != coro::kNever) {
      left = std::min(left,
                      coro::Between(Now(), std::max(Now(), stream.deadline())));
    }
    const bool waits = MayResume() && left > absl::ZeroDuration();
    abandoned_ |= !waits;
    if (released_ || malformed_ ||
        (half_closed_ && Now() >= track_.leaves_at)) {
      track_.gone_at =
          std::min(track_.gone_at,
                   coro::After(Now(), waits ? left : absl::ZeroDuration()));
      if (lease_ == nullptr && !waits) track_.left = true;
      return;
    }
    track_.leaves_at = track_.gone_at = coro::kNever;
    LeavesAt(coro::After(Now(), waits ? left : absl::ZeroDuration()),
             /*gone=*/true);
    return;
  }
  // Its acquire failed, or it came too late.
  refused_ = gives_up_ = true;
  if (!witness.checks()) return;
  witness.ReadLog();
  Expect(!status.ok(), "a stream ended for no reason");
  if (entered_told_) {
    return Expect(HasReason(status, Reason::kLeaseEnded),
                  "a scope ended for no reason");
  }
  if (malformed_ || track_.leaves_at <= Now()) {
    return witness.ScopeRefused(track_);
  }
  if (!track_.answered) witness.Answered(track_, status);
}

void RandomScope::CheckIdle() {
  if (Now() >= track_.gone_at) abandoned_ = true;
  if (half_closed_waits_ && Now() >= track_.leaves_at) spent_ = true;
  if (runner_ == nullptr) return;
  Expect(!broken_ || stream_->finished, "a stream that broke goes on");
  Expect(!released_ || track_.lease == nullptr ||
             track_.lease->state() != LeaseState::kHeld,
         "a scope goes on after its release");
  Expect(stream_->unflushed == 0, "what a stream is told is not on its way");
  if (!Attached()) return;
  Expect(!exited_told_ || stream_->exited || !stream_->entered,
         "a scope goes on after its end");
  const bool enters =
      lease_ == nullptr || lease_->state() == LeaseState::kEntering;
  for (const std::uint64_t id : stream_->owed) {
    const UseTrack& use = *calls_.at(id).use;
    Expect(enters || (use.reached && !use.hook_over), "a call has no answer");
  }
  if (lease_ == nullptr) {
    Expect(track_.lease == nullptr, "entered, but its stream was not told");
    return;
  }
  const bool live = lease_->state() != LeaseState::kEnded;
  Expect(live || !stream_->owed.empty(), "ended, but its stream was not told");
  if (live && stream_->owed.empty()) ExpectAllEvents(*stream_);
}

bool RandomScope::Over() const {
  if (runner_ == nullptr) return true;
  if (Attached()) return false;
  const bool comes = !gives_up_ && !refused_;
  if (!comes && !world_.witness.checks()) return true;
  return LeaseEnded() && (!comes || Now() >= lingers_until_);
}

}  // namespace anteroom::lifecycle
