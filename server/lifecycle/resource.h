// What a kind implements: Kind builds objects, Object carries their hooks.
//
//   hook         Python        runs
//   constructor  __init__      once per instance, synchronous, unless the
//   object
//                              is made elsewhere (Kind::Make)
//   Init         __await__     once per instance, single flight; again only
//                              where it failed and the policy has init_retry:
//                              a failed Init leaves the object as constructed
//   Enter        __aenter__    once per lease; where it did not await the init,
//                              the server's waiting for it is part of the enter
//   Use          a method      any number of times while held
//   UseStream    an async      the same
//                generator
//   Exit         __aexit__     once per entered lease
//   Close        aclose        once per constructed instance, after all exits
//   Check        -             while nobody holds the object, now and then
//
// Rules for implementers:
//  - A hook must not block a thread. It suspends (co_await) and looks at its
//    context's stop token; the server waits for every hook it started, so a
//    hook that ignores the token delays whoever waits for its end.
//  - Errors are returned. An exception out of a hook is a bug and reaches the
//    client as INTERNAL.
//  - A context, and every reference handed to a hook, lives until that hook's
//    task has ended.
//  - Init, Check and Close run alone on their object. Enter, Use, UseStream and
//    Exit of different leases may run side by side on a shared object, on
//    different threads; those of one lease keep the order Enter, Uses and
//    UseStreams (side by side), Exit.
#ifndef ANTEROOM_SERVER_LIFECYCLE_RESOURCE_H_
#define ANTEROOM_SERVER_LIFECYCLE_RESOURCE_H_

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/coro/clock.h"
#include "server/coro/task.h"
#include "server/lifecycle/payload.h"
#include "server/lifecycle/receipt.h"

namespace anteroom::lifecycle {

// Which instance a hook runs on.
struct InstanceInfo {
  std::string resource;
  std::string key;  // empty: the resource is not keyed
  std::string instance_id;
};

// Which lease a hook runs for.
struct LeaseInfo {
  std::string name;  // public, safe to log
  std::uint64_t fencing_token = 0;
  std::string holder;
  std::map<std::string, std::string> labels;
};

// What every hook is given.
class HookContext {
 public:
  virtual ~HookContext() = default;
  // When the hook should end: nobody waits for its result any more, or its
  // deadline has passed. Exit and Close are never stopped because a client
  // left. Made on first call, so a hook that never suspends pays nothing.
  virtual std::stop_token stop() = 0;
  // The bound of the policy and of the caller, whichever is earlier.
  virtual coro::Instant deadline() const = 0;
};

class ConstructContext : public HookContext {};

class InitContext : public HookContext {
 public:
  // Tells those who wait how far it is. `fraction` in 0..1. Thread-safe.
  virtual void Report(double fraction, absl::string_view message) = 0;
};

class EnterContext : public HookContext {
 public:
  virtual LeaseInfo lease() const = 0;
  virtual const Payload& argument() const = 0;
  // `await self`: waits until the object's Init, started by whoever came first,
  // has completed. Its time does not count towards enter_timeout. Resumes on
  // the executor if it waited.
  virtual coro::Task<absl::Status> Init() = 0;
  // The bound of an enter that awaits the init, whoever else leaves: that of
  // the init is added, and that of the caller, who is not alone in waiting for
  // the init, does not count.
  virtual coro::Instant deadline_with_init() const = 0;
};

class UseContext : public HookContext {
 public:
  virtual LeaseInfo lease() const = 0;
};

class ExitContext : public HookContext {
 public:
  virtual LeaseInfo lease() const = 0;
  virtual const ExitCause& cause() const = 0;
};

class CloseContext : public HookContext {};

class CheckContext : public HookContext {};

// What a streaming method and its caller tell each other while it runs.
//
// Thread safety: one Read() and one Write() at a time, which may run side by
// side. Both resume on the executor if they waited.
class UseChannel {
 public:
  virtual ~UseChannel() = default;
  // The caller's next message, after the argument; nullopt once it will say no
  // more. CANCELLED once `stop` is requested or the caller is gone,
  // INVALID_REQUEST for what is no message. An error that the method returns
  // ends the call with it.
  virtual coro::Task<absl::StatusOr<std::optional<Payload>>> Read(
      std::stop_token stop) = 0;
  // Tells the caller something, in order; waits while it reads too slowly.
  // CANCELLED once `stop` is requested or the caller is gone.
  virtual coro::Task<absl::Status> Write(Payload message,
                                         std::stop_token stop) = 0;
};

// What Exit answers.
struct ExitResult {
  // True: the body's error is dealt with (Python's `return True`).
  bool suppress = false;
  // True: do not lend this object again.
  bool tainted = false;
};

// What an object may tell the server of itself, from its constructor to the end
// of its destructor. Outlives it.
//
// Thread safety: from any thread. Nothing runs inline, so a lock may be held.
class InstanceContext {
 public:
  virtual ~InstanceContext() = default;
  // The object has died (its process ended, its connection broke), for the
  // reason `why`, not OK. It is lent no more, and is closed. A constructor or
  // an init under way is stopped, and fails with `why`, however it ends. Leases
  // end with INSTANCE_LOST, which carries `why`: their Uses are stopped at
  // once, and their Exit runs. Only the first call counts.
  virtual void Lost(absl::Status why) = 0;
};

// One live object. Hooks that its kind does not announce are never called.
class Object {
 public:
  virtual ~Object() = default;

  virtual coro::Task<absl::Status> Init(InitContext& context);
  // The payload is the `as h` of the holder.
  virtual coro::Task<absl::StatusOr<Payload>> Enter(EnterContext& context);
  // METHOD_NOT_FOUND if the object has no such method.
  virtual coro::Task<absl::StatusOr<Payload>> Use(UseContext& context,
                                                  absl::string_view method,
                                                  PayloadView argument) = 0;
  // METHOD_NOT_FOUND if the object has no such streaming method. `argument` and
  // `channel` live until the task has ended. What it wrote reaches the caller
  // before its status.
  virtual coro::Task<absl::Status> UseStream(UseContext& context,
                                             absl::string_view method,
                                             PayloadView argument,
                                             UseChannel& channel);
  virtual coro::Task<absl::StatusOr<ExitResult>> Exit(ExitContext& context);
  virtual coro::Task<absl::Status> Close(CloseContext& context);
  // OK: it is fit to be lent. An error closes it.
  virtual coro::Task<absl::Status> Check(CheckContext& context);
  // The `as h` of a holder where the kind has no Enter. Not a hook: asked once
  // per lease, after its Init unless that is never awaited; answers at once.
  virtual Payload Value() const;
  // Where a holder's calls of methods that are not the server's own are
  // forwarded to: the address of a gRPC server, host:port or unix:PATH. `value`
  // is what Enter returned, or Value(). METHOD_NOT_FOUND if none are. Not a
  // hook: answers at once, from any thread.
  virtual absl::StatusOr<std::string> Endpoint(const Payload& value) const;
};

// The hooks that a kind's objects have. The server emits ENTERING,
// INITIALIZING, EXITING and CLOSING only for those.
struct Hooks {
  bool init = false;
  bool enter = false;
  bool exit = false;
  bool close = false;
  bool check = false;
};

// A new object, never null, and the hooks that it has.
struct Made {
  std::unique_ptr<Object> object;
  Hooks hooks;
};

// The code behind one resource, configured. Thread-safe; outlives its objects.
// Implements hooks() and Construct(), or Make().
class Kind {
 public:
  virtual ~Kind() = default;
  // Constant.
  virtual Hooks hooks() const { return {}; }
  // The constructor: sets attributes only; never null. An exception fails the
  // acquire that caused it with INIT_FAILED.
  virtual std::unique_ptr<Object> Construct(const InstanceInfo& info,
                                            InstanceContext& context);
  // The constructor of objects that are made elsewhere, which takes time and
  // may fail: with INIT_FAILED or INIT_TIMED_OUT, after init_retry's attempts,
  // each bounded by init_timeout. What a failed attempt made is its own to
  // undo. `info` and `instance` outlive the object. Unless overridden,
  // Construct().
  virtual coro::Task<absl::StatusOr<Made>> Make(const InstanceInfo& info,
                                                InstanceContext& instance,
                                                ConstructContext& context);
  // Waits for what the kind itself has running. Once, after its last object.
  virtual coro::Task<void> End();
};

// METHOD_NOT_FOUND, naming the method.
absl::Status MethodNotFound(absl::string_view method);

}  // namespace anteroom::lifecycle

#endif  // ANTEROOM_SERVER_LIFECYCLE_RESOURCE_H_
