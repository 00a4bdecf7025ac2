// ScopeRunner: runs one scope. It performs what the scope says to do, on the
// lifecycle and on the stream that the scope has at that time, and tells the
// scope what came of it.
//
// Inputs come from many threads: the stream's reader, uses that end, events.
// They queue up; whoever finds no pump at work becomes the pump, feeds them to
// the scope one by one and performs what it says. So the scope sees one input
// at a time, replies keep their order, and no lock is held meanwhile.
//
// Life: made and registered by Scopes; it lives until its scope is done and all
// that it began has ended, streams or not: whatever is to tell it something
// keeps it, and it keeps the group open that it was counted into.
//
// Thread safety: all methods, from any thread.
#ifndef ANTEROOM_SERVER_LIFECYCLE_SCOPE_RUNNER_H_
#define ANTEROOM_SERVER_LIFECYCLE_SCOPE_RUNNER_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/coro/clock.h"
#include "server/coro/mutex.h"
#include "server/coro/runtime.h"
#include "server/coro/task.h"
#include "server/coro/task_group.h"
#include "server/lifecycle/event.h"
#include "server/lifecycle/lease.h"
#include "server/lifecycle/receipt.h"
#include "server/lifecycle/scope.h"

namespace anteroom::lifecycle {

class Anteroom;
class Scopes;

// What a scope's stream carries to the client. The calls come one at a time,
// and none after Finish(); an implementation only sends, and never waits. What
// is sent may wait for the next Flush() or for Finish().
class ScopeStream {
 public:
  virtual ~ScopeStream() = default;
  virtual void SendEvent(const Event& event) = 0;
  virtual void SendEntered(const LeasePtr& lease) = 0;
  virtual void SendUsed(std::uint64_t call_id,
                        absl::StatusOr<Payload>&& result) = 0;
  virtual void SendExited(const Receipt& receipt) = 0;
  virtual void Flush() {}
  // The stream ends; the scope has let go of it.
  virtual void Finish(const absl::Status& status) = 0;
  // When the client will not wait any more; constant.
  virtual coro::Instant deadline() const = 0;
};

class ScopeRunner : public EventSink,
                    public std::enable_shared_from_this<ScopeRunner> {
 public:
  // `request`: the request id of its acquire, if it has one. `scopes` outlives
  // the tasks of the group that `ticket` is of, in which it runs.
  ScopeRunner(Scopes& scopes, coro::TaskGroup::Ticket ticket,
              std::string request)
      : scopes_(scopes),
        request_(std::move(request)),
        ticket_(std::move(ticket)) {}

  // `stream` is the scope's from now on, and `first` the first that it says;
  // one that the scope had ends with SUPERSEDED. Of a scope that is done, or
  // that no stream may take over any more, `stream` learns why. False: the
  // caller must call Pump(), when it holds no lock.
  // `rest`: what it says together with that, and is then answered together.
  bool Attach(std::shared_ptr<ScopeStream> stream, Scope::Input first,
              std::vector<Scope::Input> rest);
  // Has what came handled, here and now. REQUIRES: it was asked for, and the
  // caller keeps this.
  void Pump();
  // What a stream says. Without effect if the scope has another by now.
  void Feed(const std::shared_ptr<ScopeStream>& stream, Scope::Input input);
  // The same of several that it says together: they are answered together.
  void Feed(const std::shared_ptr<ScopeStream>& stream,
            std::vector<Scope::Input> inputs);
  // Nobody will come back: the server goes away.
  void Close() { Push({Scope::Closing{}, nullptr, nullptr}); }

  // Under locks of the lifecycle: only stores, and posts.
  void OnEvent(const Event& event) override;

 private:
  // Of what is said at once, so many travel together.
  static constexpr int kMaxUnflushed = 16;

  struct Item {
    Scope::Input input;
    std::shared_ptr<ScopeStream> from;    // null: the lifecycle
    std::shared_ptr<ScopeStream> attach;  // not null: from now on
  };

  // For the pump. True: the caller must see to it that Pump() runs.
  bool Store(Item&& item);
  bool Store(std::vector<Item>&& items);
  // Has it handled, here and now, unless a pump is at work that will.
  void Push(Item&& item);
  // What is stored, into `items`, which is empty. False: the pump rests, and
  // all that was said is on its way.
  bool TakeStored(std::vector<Item>& items);
  void Handle(Item& item);
  // False: the scope is done.
  bool Take(const Item& item);
  void Said() {
    if (++unflushed_ >= kMaxUnflushed) Flush();
  }
  void Flush();

  void Perform(Scope::StartAcquire effect);
  void Perform(Scope::StopAcquire) { acquire_stop_.request_stop(); }
  void Perform(Scope::StartUse&& effect);
  void Perform(const Scope::StopUse& effect) { effect.stop.request_stop(); }
  void Perform(Scope::EndLease effect);
  void Perform(const Scope::StartGrace& effect);
  void Perform(const Scope::SendEvent& effect);
  void Perform(const Scope::SendEntered& effect);
  void Perform(Scope::SendUsed&& effect);
  void Perform(const Scope::SendExited& effect);
  void Perform(const Scope::Finish& effect);

  // Each keeps `self`, which is this.
  coro::TaskGroup::Detached Acquire(
      coro::TaskGroup::Ticket ticket, std::shared_ptr<ScopeRunner> self,
      std::unique_ptr<Scope::AcquireRequested> request, std::stop_token stop,
      coro::Instant deadline);
  coro::TaskGroup::Detached Use(coro::TaskGroup::Ticket ticket,
                                std::shared_ptr<ScopeRunner> self,
                                std::unique_ptr<Scope::Use> use,
                                std::stop_token stop, coro::Instant deadline);
  coro::TaskGroup::Detached AwaitGrace(coro::TaskGroup::Ticket ticket,
                                       std::shared_ptr<ScopeRunner> self,
                                       std::uint64_t number,
                                       coro::Instant until,
                                       std::stop_token stop);
  // What a stream is told that comes too late.
  absl::Status WhyOver() const;
  // What bounds a hook called now: nothing, where another stream may come.
  coro::Instant Deadline() const;

  Scopes& scopes_;
  const std::string request_;

  // The pump's alone.
  std::optional<coro::TaskGroup::Ticket> ticket_;  // until it is done
  Scope scope_;
  std::shared_ptr<ScopeStream> stream_;
  LeasePtr lease_;
  // Of what is under way, if there is any.
  std::stop_source acquire_stop_{std::nostopstate};
  std::stop_source grace_stop_{std::nostopstate};
  int unflushed_ = 0;  // what was sent since the last Flush()
  bool outlives_stream_ = false;
  bool told_lingering_ = false;
  bool forgotten_ = false;
  absl::Status acquire_failure_;

  coro::Mutex mu_;
  std::vector<Item> items_ ABSL_GUARDED_BY(mu_);  // empty while the pump rests
  bool pumping_ ABSL_GUARDED_BY(mu_) = false;
};

}  // namespace anteroom::lifecycle

#endif  // ANTEROOM_SERVER_LIFECYCLE_SCOPE_RUNNER_H_
