"""The mistakes that the simulation must find, each a change of one line.

The text to replace occurs exactly once in its file, whatever moved around it; it
takes along a neighbouring line where the changed one alone is not unique.
"""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Mutant:
    name: str
    file: str  # below server/lifecycle
    before: str
    after: str
    breaks: str


MUTANTS = [
    Mutant(
        "unbind_forgets_the_queue",
        "pool.cc",
        "    Dispatch(*instance->line, todo);\n    AbandonUnheld(",
        "    AbandonUnheld(",
        "a returned object goes to nobody",
    ),
    Mutant(
        "unbind_keeps_the_init",
        "pool.cc",
        "    AbandonUnheld(*instance, todo);\n",
        "",
        "the last waiter of an init leaves, and it goes on",
    ),
    Mutant(
        "unbind_does_not_retire",
        "pool.cc",
        "    instance->retired |= retire;\n",
        "",
        "a tainted object is lent again",
    ),
    Mutant(
        "unbind_keeps_the_lease",
        "pool.cc",
        "    leases_ -= instance->bound.erase(lease->fencing_token());\n",
        "",
        "ended leases are counted for ever",
    ),
    Mutant(
        "refused_stays_in_the_queue",
        "pool.cc",
        "      emptied.queue().Remove(*ticket);\n",
        "",
        "who was refused has a turn all the same",
    ),
    Mutant(
        "leaving_stays_in_the_queue",
        "pool.cc",
        "    line.queue().Remove(*ticket);\n    DropCaused(",
        "    DropCaused(",
        "who gave up is counted among the waiters",
    ),
    Mutant(
        "leaving_does_not_dispatch",
        "pool.cc",
        "    DropCaused(line, *ticket);\n"
        "    Dispatch(line, todo);\n",
        "    DropCaused(line, *ticket);\n",
        "what was begun for one who gave up goes on",
    ),
    Mutant(
        "admitting_does_not_dispatch",
        "pool.cc",
        "    Dispatch(line, todo);\n"
        "    if (ticket != nullptr) refused",
        "    if (ticket != nullptr) refused",
        "nothing is built for who comes",
    ),
    Mutant(
        "no_wait_refused_its_own",
        "pool.cc",
        "  if (position <= served) return absl::OkStatus();",
        "  if (position < served) return absl::OkStatus();",
        "no_wait refuses an object that is built for it",
    ),
    Mutant(
        "max_waiters_off_by_one",
        "pool.cc",
        "  if (unserved_ > static_cast<std::size_t>(policy_.max_waiters)) {",
        "  if (unserved_ >= static_cast<std::size_t>(policy_.max_waiters)) {",
        "one fewer may wait than max_waiters",
    ),
    Mutant(
        "granted_in_a_drain",
        "lease.cc",
        "  return entering == nullptr ? std::nullopt : "
        "std::move(entering->early_end);",
        "  return std::nullopt;",
        "a lease that was ended while it entered is held",
    ),
    Mutant(
        "granted_to_one_who_left",
        "pool.cc",
        "  if (stop.stop_requested() || too_late) {",
        "  if (too_late) {",
        "a lease is granted to one whose call is gone",
    ),
    Mutant(
        "granted_too_late",
        "pool.cc",
        "  if (stop.stop_requested() || too_late) {",
        "  if (stop.stop_requested()) {",
        "a lease is granted after max_wait",
    ),
    Mutant(
        "ttl_not_watched",
        "pool.cc",
        "  WatchEnd(lease);\n  return absl::OkStatus();\n}\n\ntemplate",
        "  return absl::OkStatus();\n}\n\ntemplate",
        "a ttl never expires",
    ),
    Mutant(
        "put_off_for_ever",
        "pool.cc",
        "  if (lease->EndUse()) WatchEnd(lease);",
        "  lease->EndUse();",
        "a ttl that a Use put off does not expire at its end",
    ),
    Mutant(
        "shorter_ttl_not_watched",
        "pool.cc",
        "  if (ttl != absl::ZeroDuration()) WatchEnd(lease);\n",
        "",
        "a renewal with a shorter ttl is not heeded",
    ),
    Mutant(
        "reuse_tainted_inverted",
        "pool.cc",
        "  const bool retire = tainted && !policy_.reuse_tainted;",
        "  const bool retire = tainted && policy_.reuse_tainted;",
        "a tainted object is lent again",
    ),
    Mutant(
        "failed_exit_forgiven",
        "pool.cc",
        "      cause.tainted || outcome.result.tainted || !outcome.status.ok();",
        "      cause.tainted || outcome.result.tainted;",
        "an object whose exit failed is lent again",
    ),
    Mutant(
        "loss_of_a_held_object_ignored",
        "pool_instances.cc",
        "      if (ready || lease->state() != LeaseState::kEntering) {\n",
        "      if (ready && lease->state() == LeaseState::kEntering) {\n",
        "a lease is held though its object has died",
    ),
    Mutant(
        "loss_during_an_unawaited_init_ignored",
        "pool_instances.cc",
        "      if (ready || lease->state() != LeaseState::kEntering) {\n",
        "      if (ready) {\n",
        "a lease that did not await its init is held though its object died",
    ),
    Mutant(
        "lost_object_lent_again",
        "pool_instances.cc",
        "    const bool over = instance->state() == InstanceState::kClosing ||\n",
        "    const bool over = instance->state() == InstanceState::kReady ||\n",
        "an idle object that has died is lent again",
    ),
    Mutant(
        "lost_init_of_use",
        "pool_instances.cc",
        "    if (!instance->loss.ok()) status = LostBeforeReady(*instance);\n",
        "    if (!instance->loss.ok() && !status.ok()) "
        "status = LostBeforeReady(*instance);\n",
        "an init that succeeded though its object had died serves waiters",
    ),
    Mutant(
        "grant_on_a_lost_object",
        "pool.cc",
        "    lease->AbortEnter({ExitReason::kInstanceLost, absl::OkStatus(), true});\n",
        "",
        "a lease is granted on an object that died before its first enter ended",
    ),
    Mutant(
        "loss_without_its_reason",
        "pool.cc",
        "    outcome.status = lease->loss();\n",
        "",
        "a receipt of a lost object's lease that does not say why",
    ),
    Mutant(
        "receipt_kept_for_ever",
        "pool.cc",
        "  table_.Ended(lease);\n",
        "",
        "receipts are never dropped",
    ),
    Mutant(
        "drain_leaves_the_queue",
        "pool.cc",
        "        Fail(line.queue().Take(0, line.queue().size()),\n"
        "             DrainingError(resource_));\n",
        "",
        "waiters of a drained resource wait on",
    ),
    Mutant(
        "drain_lets_enter_run",
        "lease.cc",
        "  stop.request_stop();\n  return true;",
        "  return true;",
        "a drain waits for every Enter",
    ),
    Mutant(
        "drain_lets_init_run",
        "pool.cc",
        "  drain_stop_.request_stop();\n",
        "",
        "a drain waits for every init and check",
    ),
    Mutant(
        "builds_for_the_second_only",
        "pool_dispatch.cc",
        "    while (line.unserved() > 0 && MayBuild(line, todo)) {",
        "    while (line.unserved() > 1 && MayBuild(line, todo)) {",
        "the last waiter gets no object",
    ),
    Mutant(
        "binds_one_who_left",
        "pool_dispatch.cc",
        "  if (!ticket->Signal()) return;",
        "  ticket->Signal();",
        "an object is bound to one who gave up",
    ),
    Mutant(
        "hold_counts_as_idle",
        "pool_dispatch.cc",
        "  instance->idle_since = coro::kNever;\n",
        "",
        "an object is closed idle_timeout after it first came back",
    ),
    Mutant(
        "expires_while_held",
        "pool_instances.cc",
        "    if (instance->idle_since != since || instance->retired) return;\n",
        "    if (instance->retired) return;\n",
        "idle_timeout retires what somebody has taken meanwhile",
    ),
    Mutant(
        "checked_while_held",
        "pool_instances.cc",
        "    if (instance->idle_since != since || instance->retired ||\n",
        "    if (instance->retired ||\n",
        "a Check runs on what somebody has taken meanwhile",
    ),
    Mutant(
        "idle_watch_ends",
        "pool_instances.cc",
        "    if (!idle) continue;\n",
        "    if (!idle) co_return;\n",
        "the second idle spell is not watched",
    ),
    Mutant(
        "token_given_twice",
        "pool_dispatch.cc",
        "  lease->Bind(*instance, last_token_);",
        "  lease->Bind(*instance, last_token_ / 2);",
        "two leases have one fencing token",
    ),
    Mutant(
        "one_instance_too_many",
        "pool_dispatch.cc",
        "  if (instances_.size() < static_cast<std::size_t>(policy_.max_instances))\n"
        "    return true;",
        "  if (instances_.size() <= static_cast<std::size_t>(policy_.max_instances))\n"
        "    return true;",
        "more than max_instances",
    ),
    Mutant(
        "two_instances_of_a_key",
        "pool_dispatch.cc",
        "  if (policy_.keyed && !line.instances().empty()) return false;",
        "  if (policy_.keyed && line.instances().size() > 1) return false;",
        "a key has two objects",
    ),
    Mutant(
        "hungry_key_evicts_nobody",
        "pool_dispatch.cc",
        "    SetHungry(line, true);\n    EvictForHungry(todo);\n",
        "    SetHungry(line, true);\n",
        "an idle object of another key keeps one waiting",
    ),
    Mutant(
        "breaker_wakes_nobody",
        "pool_dispatch.cc",
        "  if (now < breaker_.retry_at()) WakeAt(breaker_.retry_at(), todo);\n",
        "",
        "nothing is built when the breaker may be tried",
    ),
    Mutant(
        "every_init_is_a_probe",
        "pool_dispatch.cc",
        "  instance->probe = breaker_.Began();",
        "  breaker_.Began();",
        "the end of a probe is not noticed",
    ),
    Mutant(
        "one_more_kept_warm",
        "pool_dispatch.cc",
        "  while (line.spares() < min_idle &&",
        "  while (line.spares() <= min_idle &&",
        "more than min_idle are kept warm",
    ),
    Mutant(
        "unneeded_init_not_stopped",
        "pool_dispatch.cc",
        "    instance->retired = true;\n"
        "    todo.stop.push_back(instance->abandoned);\n",
        "    instance->retired = true;\n",
        "an init that nobody needs goes on",
    ),
    Mutant(
        "unheld_init_not_stopped",
        "pool_dispatch.cc",
        "  }\n  todo.stop.push_back(instance.abandoned);\n",
        "  }\n",
        "an init that nobody awaits goes on",
    ),
    Mutant(
        "idle_evicts_nobody",
        "pool_dispatch.cc",
        "  EvictForHungry(todo);\n}\n\nbool Pool::WatchesIdle",
        "}\n\nbool Pool::WatchesIdle",
        "an object that comes back keeps another key waiting",
    ),
    Mutant(
        "closed_in_a_check",
        "pool_dispatch.cc",
        "  if (!instance->constructed() || !instance->bound.empty() ||\n"
        "      instance->checking) {",
        "  if (!instance->constructed() || !instance->bound.empty()) {",
        "an object is closed while its Check runs",
    ),
    Mutant(
        "closed_feeds_nobody",
        "pool_dispatch.cc",
        "    Dispatch(line, todo);\n  }\n  FeedHungry(todo);\n",
        "    Dispatch(line, todo);\n  }\n",
        "a key waits though there is room for it again",
    ),
    Mutant(
        "closed_dispatches_nobody",
        "pool_dispatch.cc",
        "  } else {\n    Dispatch(line, todo);\n  }\n  FeedHungry(todo);\n",
        "  }\n  FeedHungry(todo);\n",
        "nothing is built in the place of what was closed",
    ),
    Mutant(
        "success_unnoticed",
        "pool_dispatch.cc",
        "    breaker_.Succeeded();\n",
        "",
        "failures that are not in a row open the breaker",
    ),
    Mutant(
        "abandoned_is_a_failure",
        "pool_dispatch.cc",
        "    breaker_.GivenUp(probe);  // nobody waited for it",
        "    breaker_.Failed(runtime_.clock.Now(), probe);",
        "inits that were let go open the breaker",
    ),
    Mutant(
        "waiters_counted_twice",
        "pool_dispatch.cc",
        "  unserved_ -= std::exchange(line.counted_unserved, unserved);\n",
        "  line.counted_unserved = unserved;\n",
        "the queue is full though it is not",
    ),
    Mutant(
        "failed_init_fails_nobody",
        "pool_instances.cc",
        "      Fail(instance->line->TakeWaitersOf(*instance), status);\n",
        "",
        "the waiters of a failed init wait on",
    ),
    Mutant(
        "failed_init_not_retired",
        "pool_instances.cc",
        "      instance->retired = true;\n      instance->init_failure = status;\n",
        "      instance->init_failure = status;\n",
        "an object whose init failed is lent",
    ),
    Mutant(
        "one_too_few_stay_idle",
        "pool_instances.cc",
        "        instance->line->idle() <= static_cast<std::size_t>(policy_.min_idle);",
        "        instance->line->idle() < static_cast<std::size_t>(policy_.min_idle);",
        "idle_timeout closes what min_idle keeps",
    ),
    Mutant(
        "idle_timeout_spins",
        "pool_instances.cc",
        "    if (runtime_.clock.Now() >= expiry) {",
        "    if (runtime_.clock.Now() > expiry) {",
        "idle_timeout never comes to an end",
    ),
    Mutant(
        "lent_in_a_check",
        "pool_instances.cc",
        "    instance->checking = true;\n",
        "",
        "an object is lent while its Check runs",
    ),
    Mutant(
        "failed_check_forgiven",
        "pool_instances.cc",
        "instance->Failed(status);\n      instance->retired = true;\n",
        "instance->Failed(status);\n",
        "an object whose check failed is lent",
    ),
    Mutant(
        "check_forgets_the_queue",
        "pool_instances.cc",
        "    Note(instance);\n    Dispatch(*instance->line, todo);\n"
        "    Settle(instance, todo);\n  }\n  Perform(std::move(todo));\n"
        "}\n\ncoro::Task<void> Pool::WatchAge",
        "    Note(instance);\n    Settle(instance, todo);\n  }\n"
        "  Perform(std::move(todo));\n}\n\ncoro::Task<void> Pool::WatchAge",
        "who came during a check gets no object",
    ),
    Mutant(
        "age_closes_nothing",
        "pool_instances.cc",
        "    Settle(instance, todo);\n    Dispatch(",
        "    Dispatch(",
        "an idle object outlives max_lifetime",
    ),
    Mutant(
        "lifetime_jitter_too_wide",
        "pool_instances.cc",
        "      policy_.max_lifetime * (1 + kLifetimeJitter), runtime_.random);",
        "      policy_.max_lifetime * (2 + kLifetimeJitter), runtime_.random);",
        "an object lives twice as long as max_lifetime",
    ),
    Mutant(
        "uses_not_counted_in",
        "lease.cc",
        "  ++uses_;\n",
        "",
        "Exit does not wait for Uses",
    ),
    Mutant(
        "token_0_checked",
        "lease.cc",
        "  if (fencing_token != 0 && fencing_token != fencing_token_) {",
        "  if (fencing_token != fencing_token_) {",
        "a Use without a token is refused",
    ),
    Mutant(
        "first_use_ends_all",
        "lease.cc",
        "    if (--uses_ > 0) return false;",
        "    --uses_;",
        "Exit starts while another Use runs",
    ),
    Mutant(
        "use_does_not_pin",
        "lease.cc",
        "  if (uses_ == 0 || runtime().clock.Now() < expiry) return expiry;",
        "  if (uses_ >= 0 || runtime().clock.Now() < expiry) return expiry;",
        "a ttl expires while a Use runs",
    ),
    Mutant(
        "ttl_not_clamped",
        "lease.cc",
        "  return std::min(ttl, policy().max_ttl);",
        "  return std::max(ttl, policy().default_ttl);",
        "a ttl may be longer than max_ttl",
    ),
    Mutant(
        "renewal_renews_nothing",
        "lease.cc",
        "  renewed_at_ = runtime().clock.Now();\n  return absl::OkStatus();",
        "  return absl::OkStatus();",
        "a renewed ttl expires as if it was not",
    ),
    Mutant(
        "later_revocation_wins",
        "lease.cc",
        "  if (state() != LeaseState::kHeld || when >= RevokeAt()) return;",
        "  if (state() != LeaseState::kHeld) return;",
        "a revocation puts off an earlier one, or max_hold",
    ),
    Mutant(
        "holder_not_told",
        "lease.cc",
        "      if (now >= NoticeAt()) TellRevoking();\n",
        "",
        "max_hold takes a lease without REVOKING",
    ),
    Mutant(
        "revocation_not_watched",
        "lease.cc",
        "      next = std::min({expiry, revoke_at, NoticeAt()});",
        "      next = std::min({expiry, NoticeAt()});",
        "a lease is not taken in time",
    ),
    Mutant(
        "wrong_reason",
        "lease.cc",
        "        ExitCause{now >= revoke_at ? RevokeReason() : "
        "ExitReason::kTtlExpired,",
        "        ExitCause{now >= expiry ? ExitReason::kTtlExpired : "
        "ExitReason::kRevoked,",
        "a drained lease is REVOKED",
    ),
    Mutant(
        "later_timer_kept",
        "lease.cc",
        "  if (timer_ != coro::Timers::Id::kNone && timer_when_ <= when) "
        "return timer;",
        "  if (timer_ != coro::Timers::Id::kNone) return timer;",
        "a ttl that was shortened is looked at too late",
    ),
    Mutant(
        "timer_left_behind",
        "lease.cc",
        "    timer = BeginExiting(std::move(cause));\n  }\n"
        "  runtime().timers.Cancel(timer);\n",
        "    timer = BeginExiting(std::move(cause));\n  }\n",
        "the timer of an ended lease stays",
    ),
    Mutant(
        "held_until_exited",
        "lease.cc",
        "  receipt.held = coro::Between(entered_at_, ending().decided_at);",
        "  receipt.held = coro::Between(entered_at_, clock.Now());",
        "a receipt's held counts the exit in",
    ),
    Mutant(
        "one_holder_too_many",
        "line.cc",
        "                    SlotsLeft(instance) > 0;",
        "                    SlotsLeft(instance) >= 0;",
        "an exclusive object has two holders",
    ),
    Mutant(
        "under_way_not_counted",
        "line.cc",
        "  return queue_.size() - std::min(queue_.size(), under_way_.All().slots);",
        "  return queue_.size();",
        "more is built than is needed",
    ),
    Mutant(
        "another_s_waiters_fail",
        "under_way.cc",
        "    if (number <= (*node)->first) {",
        "    if (number < (*node)->first) {",
        "a failed init fails the waiters of the next",
    ),
    Mutant(
        "one_waiter_needs_nothing",
        "line.cc",
        "  if (queue_.empty()) return 0;",
        "  if (queue_.size() <= 1) return 0;",
        "an init that one waits for is let go",
    ),
    Mutant(
        "low_priorities_first",
        "wait_queue.h",
        "        place(-static_cast<std::int64_t>(this->lease->priority()), "
        "arrival) {}",
        "        place(static_cast<std::int64_t>(this->lease->priority()), "
        "arrival) {}",
        "lower priorities are served first",
    ),
    Mutant(
        "position_off_by_one",
        "wait_queue.cc",
        "  return tickets_.order_of_key(ticket.place) + 1;",
        "  return tickets_.order_of_key(ticket.place);",
        "one may wait that must not",
    ),
    Mutant(
        "one_waiter_too_many_fails",
        "wait_queue.cc",
        "       next != tickets_.end() && taken.size() < count; ++next) {",
        "       next != tickets_.end() && taken.size() <= count; ++next) {",
        "a failed init fails one waiter too many",
    ),
    Mutant(
        "one_receipt_too_few",
        "lease_table.cc",
        "  return ended_.size() > options_.receipts_max ?",
        "  return ended_.size() >= options_.receipts_max ?",
        "a receipt is dropped too early",
    ),
    Mutant(
        "receipts_kept_half_as_long",
        "lease_table.cc",
        "  ended_.push_back(Kept{coro::After(clock_.Now(), " "options_.receipts_kept),",
        "  ended_.push_back(Kept{coro::After(clock_.Now(), "
        "options_.receipts_kept / 2),",
        "a receipt is dropped too early",
    ),
    Mutant(
        "attempt_outlives_its_callers",
        "request_index.cc",
        "  if (abandoned) shared->stop.request_stop();\n",
        "",
        "an attempt that nobody waits for queues on",
    ),
    Mutant(
        "unclaimed_lease_kept",
        "request_index.cc",
        "  if (unclaimed != nullptr) EndUnclaimed(unclaimed);\n",
        "",
        "a lease that nobody was told of is held",
    ),
    Mutant(
        "other_arguments_join",
        "request_index.cc",
        "    } else if (place->arguments != arguments) {",
        "    } else if (arguments.empty()) {",
        "a request id with other arguments gets another's lease",
    ),
    Mutant(
        "granted_to_other_arguments",
        "request_index.cc",
        "  if ((*found)->arguments() != arguments) return RequestIdReused();\n",
        "",
        "a request id that was granted gives the lease to other arguments",
    ),
    Mutant(
        "failure_remembered",
        "request_index.cc",
        "    if (!lease.ok()) Drop(request, *shared);",
        "",
        "a retry is told of an old failure",
    ),
    Mutant(
        "watchers_not_woken",
        "event_log.cc",
        "    }\n    appended.swap(appended_);\n",
        "    }\n",
        "a watcher learns nothing",
    ),
    Mutant(
        "event_without_time",
        "event_log.cc",
        "    event.time = runtime_.clock.WallNow();\n",
        "",
        "events bear no time",
    ),
    Mutant(
        "one_init_too_many",
        "init.cc",
        "    if (status.ok() || attempt >= retry.attempts || cancelled) {",
        "    if (status.ok() || attempt > retry.attempts || cancelled) {",
        "an init is tried once more than attempts",
    ),
    Mutant(
        "abandoned_init_retried",
        "init.cc",
        "    if (wake != coro::Wake::kTimedOut) co_return InitCancelled();\n",
        "",
        "an init that nobody waits for is tried again",
    ),
    Mutant(
        "init_timeout_unnamed",
        "init.cc",
        "  if (call.timed_out()) {",
        "  if (call.timed_out() && call.stopped()) {",
        "INIT_TIMED_OUT is not said",
    ),
    Mutant(
        "forgotten_init_not_awaited",
        "enter.cc",
        "  if (policy.await_init == AwaitInit::kOnEnter && !call.awaited_init()) {",
        "  if (policy.await_init == AwaitInit::kNever && !call.awaited_init()) {",
        "a lease is granted before init",
    ),
    Mutant(
        "enter_timeout_counts_init",
        "enter.cc",
        "    SetDeadline(caller_deadline_);\n",
        "",
        "enter_timeout passes while the init is awaited",
    ),
    Mutant(
        "use_timeout_ignored",
        "use.cc",
        "  return coro::After(clock.Now(), policy.use_timeout);\n",
        "  return coro::kNever;\n",
        "use_timeout does not bound a Use",
    ),
    Mutant(
        "uses_not_cancelled",
        "exit.cc",
        "  lease.CancelUses();\n",
        "",
        "use_grace is for ever",
    ),
    Mutant(
        "nothing_suppressed",
        "exit.cc",
        "    outcome.result.suppress &= !hook->call.cause().error.ok();\n",
        "",
        "an exit suppresses an error that there was not",
    ),
    Mutant(
        "breaker_a_moment_late",
        "breaker.cc",
        "  return !opened_ || (now >= retry_at_ && probing_ == 0);",
        "  return !opened_ || (now > retry_at_ && probing_ == 0);",
        "nothing is built when the breaker may be tried",
    ),
    Mutant(
        "two_probes",
        "breaker.cc",
        "  return !opened_ || (now >= retry_at_ && probing_ == 0);",
        "  return !opened_ || now >= retry_at_;",
        "a half-open breaker allows two inits",
    ),
    Mutant(
        "breaker_opens_late",
        "breaker.cc",
        "  if (threshold_ == 0 || failures_ < threshold_ || "
        "(opened_ && !probed)) return;",
        "  if (threshold_ == 0 || failures_ <= threshold_ || "
        "(opened_ && !probed)) return;",
        "one more init may fail before the breaker opens",
    ),
    Mutant(
        "failures_never_forgotten",
        "breaker.cc",
        "  failures_ = 0;\n",
        "",
        "failures that are not in a row open the breaker",
    ),
    Mutant(
        "no_pause_before_a_retry",
        "backoff.cc",
        "  return UniformDuration(delay / 2, delay, random);",
        "  return UniformDuration(absl::ZeroDuration(), delay, random);",
        "an init may be tried again at once",
    ),
    Mutant(
        "backoff_doubles_at_once",
        "backoff.cc",
        "  for (int i = 1; i < failures && delay > absl::ZeroDuration() && "
        "delay < max;",
        "  for (int i = 0; i < failures && delay > absl::ZeroDuration() && "
        "delay < max;",
        "the first pause is twice as long",
    ),
    Mutant(
        "late_leaver_takes_it_along",
        "request_index.cc",
        "    shared->claimed |= wake == coro::Wake::kSignalled;",
        "    shared->claimed = wake == coro::Wake::kSignalled;",
        "a caller that leaves late ends the lease that another was given",
    ),
    Mutant(
        "deferred_enter_unbounded",
        "pool.cc",
        "  const coro::Instant deadline = lease->enter_by();",
        "  const coro::Instant deadline = coro::kNever;",
        "max_wait does not bound a deferred enter",
    ),
    Mutant(
        "deferred_receipt_kept_for_ever",
        "pool.cc",
        "  if (lease->deferred()) table_.Ended(lease);\n",
        "",
        "the receipt of a deferred enter that failed is never dropped",
    ),
    Mutant(
        "deferred_granted_too_late",
        "pool.cc",
        "    if (!stop.stop_requested() && !too_late) co_return lease;",
        "    if (!stop.stop_requested()) co_return lease;",
        "a deferred lease is granted after max_wait",
    ),
    Mutant(
        "deferred_left_to_nobody",
        "pool.cc",
        "    End(lease, ExitCause{ExitReason::kDisconnected, absl::OkStatus(), "
        "false});\n"
        "    co_return too_late ? WaitTimedOut() : CallerLeft();\n"
        "  }\n"
        "  absl::Status entered;",
        "    co_return too_late ? WaitTimedOut() : CallerLeft();\n"
        "  }\n"
        "  absl::Status entered;",
        "a deferred lease whose caller left is entered, and held by nobody",
    ),
    Mutant(
        "failed_enter_is_used",
        "pool.cc",
        "    if (!entered.ok()) co_return entered;\n  }\n"
        "  const absl::StatusOr<Instance*> instance =\n"
        "      CountIn(*lease, method, fencing_token);\n"
        "  if (!instance.ok()) co_return instance.status();\n"
        "  UseCall context",
        "  }\n"
        "  const absl::StatusOr<Instance*> instance =\n"
        "      CountIn(*lease, method, fencing_token);\n"
        "  if (!instance.ok()) co_return instance.status();\n"
        "  UseCall context",
        "a Use is told LEASE_ENDED, not why the enter that it awaited failed",
    ),
    Mutant(
        "last_cause_stands",
        "lease.cc",
        "    if (!entering().early_end.has_value()) {",
        "    if (true) {",
        "a lease ends for what came after its end was decided",
    ),
    Mutant(
        "lone_deferred_waits",
        "wait_queue.cc",
        "  if (deferred_.empty() || offset",
        "  if (deferred_.size() <= 1 || offset",
        "a deferred lease waits for the init",
    ),
    Mutant(
        "deferred_jumps_the_queue",
        "line.cc",
        "        under_way_.OwnerOf(queue_.PositionOf(*ticket) - 1);\n",
        "        *next;\n",
        "a deferred lease takes the place of one that came before it",
    ),
    Mutant(
        "notice_lets_enter_run",
        "pool_admin.cc",
        "  if (notice <= absl::ZeroDuration() ||\n"
        "      lease->state() == LeaseState::kEntering) {",
        "  if (notice <= absl::ZeroDuration()) {",
        "a revocation with notice does not end an enter",
    ),
    Mutant(
        "dismissed_stays_in_the_queue",
        "pool_admin.cc",
        "    line->second.queue().Remove(*ticket);\n",
        "",
        "who was taken while it waited is counted among the waiters",
    ),
    Mutant(
        "evicted_init_goes_on",
        "pool_admin.cc",
        "      if (instance->bound.empty()) todo.stop.push_back("
        "instance->abandoned);\n",
        "",
        "the init of an evicted object is not stopped",
    ),
    Mutant(
        "page_leaves_waiters_out",
        "pool_admin.cc",
        "    if (leases.size() == max) return leases;\n",
        "",
        "a listing leaves out who waits beyond a full page",
    ),
    Mutant(
        "forced_drain_lets_uses_run",
        "pool.cc",
        "    lease->CancelUses();\n",
        "",
        "a forced drain still grants use_grace",
    ),
    Mutant(
        "left_drain_not_forced",
        "anteroom.cc",
        "  if (co_await std::move(wait) == coro::Wake::kTimedOut) "
        "pool.ForceDrain();",
        "  (void)co_await std::move(wait);",
        "a drain is not forced once its caller has left",
    ),
    Mutant(
        "uses_before_entered_reversed",
        "scope.cc",
        "    queued_.push_back(std::move(input));\n",
        "    queued_.push_front(std::move(input));\n",
        "the calls that wait for `entered` run in the wrong order",
    ),
    Mutant(
        "refusal_kept_as_the_reply",
        "scope.cc",
        "    if (!IsLive(call_id)) {\n",
        "    if (attached_) {\n",
        "a live call's id said again is its reply after a resume",
    ),
    Mutant(
        "reply_kept_after_an_ack",
        "scope.cc",
        "  for (const std::uint64_t call_id : input.call_ids) Forget(call_id);\n",
        "",
        "an acknowledged reply is sent again",
    ),
    Mutant(
        "reply_of_the_first_call_kept",
        "scope.cc",
        "  // Who uses a call id again has had its reply.\n  Forget(call_id);\n",
        "",
        "a call id used again is answered with the first call's reply",
    ),
    Mutant(
        "call_run_twice",
        "scope.cc",
        "    arrived = kept().replied();\n",
        "",
        "a call whose reply is kept runs again after the same acquire",
    ),
    Mutant(
        "live_call_not_received",
        "scope.cc",
        "    if (IsLive(call_id) || kept().has_reply(call_id)) continue;\n",
        "    if (kept().has_reply(call_id)) continue;\n",
        "CALL_NOT_RECEIVED of one that runs",
    ),
    Mutant(
        "exit_told_before_a_reply",
        "scope.cc",
        "  if (!live_.empty() && (of_exit || !exit_events_.empty())) {\n",
        "  if (!queued_.empty() && (of_exit || !exit_events_.empty())) {\n",
        "EXITED is told, and a call has no reply",
    ),
    Mutant(
        "release_before_entered_forgotten",
        "scope.cc",
        "    effects.push_back(EndLease{*cause_});\n  }\n}\n\n"
        "void Scope::On(UseEnded",
        "  }\n}\n\nvoid Scope::On(UseEnded",
        "a release before `entered` has no effect",
    ),
    Mutant(
        "cancelled_release_waits",
        "scope.cc",
        "      input.cause.reason == ExitReason::kCancelled) {\n",
        "      input.cause.reason == ExitReason::kDisconnected) {\n",
        "a release as CANCELLED does not leave the queue",
    ),
    Mutant(
        "abandoned_uses_go_on",
        "scope.cc",
        "    effects.push_back(StopUse{call_id});\n",
        "",
        "the calls of one who is gone run on",
    ),
    Mutant(
        "grace_beyond_the_deadline",
        "scope.cc",
        "  const absl::Duration grace = std::min(grace_, input.grace);\n",
        "  const absl::Duration grace = grace_;\n",
        "a scope outlives the deadline of its stream",
    ),
    Mutant(
        "end_without_a_stream_forgotten",
        "scope.cc",
        "  if (!grace_runs_) state_ = State::kDone;\n",
        "  state_ = State::kDone;\n",
        "a scope that ends while it has no stream cannot be resumed",
    ),
    Mutant(
        "reply_not_flushed",
        "scope_runner.cc",
        "  stream_->SendUsed(effect.use->call_id, "
        "std::move(effect.use->result));\n"
        "  Said();\n",
        "  stream_->SendUsed(effect.use->call_id, "
        "std::move(effect.use->result));\n",
        "a reply waits for the next",
    ),
    Mutant(
        "flush_before_the_last_word",
        "scope_runner.cc",
        "      if (unflushed_ == 0) {\n",
        "      if (unflushed_ >= 0) {\n",
        "what is said at once is never flushed",
    ),
    Mutant(
        "superseded_not_told",
        "scope_runner.cc",
        "    if (stream_ != nullptr) stream_->Finish(Superseded());\n",
        "",
        "a stream that lost its scope to another waits for ever",
    ),
    Mutant(
        "old_stream_heard",
        "scope_runner.cc",
        "  } else if (item.from != nullptr && item.from != stream_) {\n",
        "  } else if (item.from != nullptr && stream_ == nullptr) {\n",
        "a stream that lost its scope is heard",
    ),
    Mutant(
        "grace_not_clamped",
        "scopes.cc",
        "  request.disconnect_grace = std::min(request.disconnect_grace,\n"
        "                                      "
        "(*pool)->policy().max_disconnect_grace);\n",
        "",
        "a grace is longer than max_disconnect_grace",
    ),
    Mutant(
        "lingering_dropped",
        "scopes.cc",
        "      if (oldest != nullptr && lingering_.size() <= kMaxLingering &&\n",
        "      if (oldest != nullptr && lingering_.size() <= 1 &&\n",
        "scopes that have ended wait for one client alone",
    ),
    Mutant(
        "drain_awaits_graces",
        "scopes.cc",
        "  for (const std::shared_ptr<ScopeRunner>& runner : runners) "
        "runner->Close();\n",
        "",
        "a drain waits for streams that may come back",
    ),
    Mutant(
        "exited_before_a_reply",
        "scope.cc",
        "  if (receipt_ == nullptr || !live_.empty()) return;\n",
        "  if (receipt_ == nullptr) return;\n",
        "`exited` is told, and a call has no reply",
    ),
    Mutant(
        "pass_that_leads_nowhere_counted",
        "pool.cc",
        "    CountOut(lease);\n    co_return WithReason(std::move(endpoint)",
        "    co_return WithReason(std::move(endpoint)",
        "a call that an object without an endpoint refused keeps the exit waiting",
    ),
    Mutant(
        "pass_awaits_no_enter",
        "pool.cc",
        " coro::Instant deadline) {\n  if (lease->deferred()) {\n",
        " coro::Instant deadline) {\n"
        "  if (lease->deferred() && lease->stream_bound()) {\n",
        "a forwarded call of a deferred lease does not await its enter",
    ),
    Mutant(
        "pass_awaits_enter_for_nobody",
        "pool.cc",
        " coro::Instant deadline) {\n"
        "  if (lease->deferred()) {\n"
        "    coro::Task<absl::Status> enter = lease->AwaitEntered(stop, deadline);\n",
        " coro::Instant deadline) {\n"
        "  if (lease->deferred()) {\n"
        "    coro::Task<absl::Status> enter = lease->AwaitEntered({}, deadline);\n",
        "a forwarded call awaits an enter though its caller left",
    ),
    Mutant(
        "pass_awaits_enter_too_long",
        "pool.cc",
        " coro::Instant deadline) {\n"
        "  if (lease->deferred()) {\n"
        "    coro::Task<absl::Status> enter = lease->AwaitEntered(stop, deadline);\n",
        " coro::Instant deadline) {\n"
        "  if (lease->deferred()) {\n"
        "    coro::Task<absl::Status> enter ="
        " lease->AwaitEntered(stop, coro::kNever);\n",
        "a forwarded call awaits an enter after its deadline",
    ),
    Mutant(
        "passage_outlives_use_grace",
        "passage.cc",
        "      stop_(lease_stop_),\n",
        "",
        "a forwarded call goes on after use_grace",
    ),
    Mutant(
        "passage_outlives_use_timeout",
        "passage.cc",
        "  stop_ = link_->token();\n",
        "",
        "a forwarded call goes on after use_timeout",
    ),
    Mutant(
        "passage_heeds_use_timeout_alone",
        "passage.cc",
        "                std::initializer_list<std::stop_token>{lease_stop_});\n",
        "                std::initializer_list<std::stop_token>{});\n",
        "where there is a use_timeout no lease's end stops a forwarded call",
    ),
    Mutant(
        "passage_told_of_no_end",
        "passage.cc",
        "  if (lease_stop_.stop_requested()) return WhyStopped(*lease_);\n",
        "",
        "USE_CANCELLED and INSTANCE_LOST are not said of a forwarded call",
    ),
    Mutant(
        "passage_not_counted_out",
        "passage.cc",
        "  pool_.CountOut(std::exchange(lease_, nullptr));\n",
        "  lease_ = nullptr;\n",
        "an exit waits for a forwarded call that has ended",
    ),
    Mutant(
        "gone_not_told",
        "pool_instances.cc",
        "  instance->gone.request_stop();\n",
        "",
        "what is kept for an object outlives it",
    ),
    Mutant(
        "failed_make_tells_nobody",
        "pool_instances.cc",
        "  Fail(waiters, status);\n",
        "",
        "who waits for an object that cannot be made waits for ever",
    ),
    Mutant(
        "failed_make_forgiven",
        "pool_instances.cc",
        "  NoteInit(*instance, status, todo);\n  if (!exists)",
        "  if (!exists)",
        "constructors that fail do not open the breaker",
    ),
    Mutant(
        "failed_make_takes_a_place",
        "pool_instances.cc",
        "  if (!exists) return Remove(*instance, todo);\n",
        "  if (!exists) return;\n",
        "what could not be made counts as an instance for ever",
    ),
    Mutant(
        "lost_while_made_lent",
        "pool_instances.cc",
        "        instance->loss.ok() ? constructed : LostBeforeReady(*instance);\n",
        "        constructed;\n",
        "an object that died while it was made is lent",
    ),
    Mutant(
        "made_though_lost_not_closed",
        "pool_instances.cc",
        "  BeginClosing(*instance, todo);\n  Note(instance);\n  Dispatch(",
        "  Note(instance);\n  Dispatch(",
        "an object that died while it was made is left behind",
    ),
    Mutant(
        "make_not_given_up",
        "pool_instances.cc",
        "                   *instance->context, instance->abandoned.get_token(),\n",
        "                   *instance->context, {},\n",
        "a constructor that nobody awaits goes on",
    ),
    Mutant(
        "make_without_a_bound",
        "init.cc",
        "      runtime, coro::After(runtime.clock.Now(), policy.init_timeout),\n",
        "      runtime, coro::After(runtime.clock.Now(), 2 * policy.init_timeout),\n",
        "a constructor outlives init_timeout",
    ),
    Mutant(
        "failed_make_unexplained",
        "init.cc",
        "  if (!result.ok()) co_return Explain(call, result.status());\n",
        "  if (!result.ok()) co_return result.status();\n",
        "a constructor's failure is no INIT_FAILED",
    ),
]
