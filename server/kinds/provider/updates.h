// Updates: one call of a provider that tells how far it is, and that what it
// tells is in order. Entering and Initializing (below) say which order.
//
// Destruction: REQUIRES that Close() has returned.
//
// Thread safety: one coroutine at a time.
#ifndef ANTEROOM_SERVER_KINDS_PROVIDER_UPDATES_H_
#define ANTEROOM_SERVER_KINDS_PROVIDER_UPDATES_H_

#include <optional>
#include <stop_token>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "anteroom/provider/v1/provider_service.pb.h"
#include "server/coro/clock.h"
#include "server/coro/task.h"
#include "server/kinds/provider/connection.h"
#include "server/rpc/client_stream.h"

namespace anteroom::kinds {

template <typename Request, typename Update>
class Updates {
 public:
  // Begins the call.
  Updates(ProviderConnection& connection, const char* method,
          coro::Instant deadline)
      : connection_(connection),
        method_(method),
        stream_(connection.Open(method, deadline)) {}
  virtual ~Updates() = default;
  Updates(const Updates&) = delete;
  Updates& operator=(const Updates&) = delete;

  // Says what is to be done. First. `request` outlives it.
  coro::Task<void> Send(const Request& request, std::stop_token stop) {
    coro::Task<bool> write = stream_.Write(request, std::move(stop));
    // Where it is not taken the call is over, and Next() tells why.
    if (co_await std::move(write)) stream_.CloseWrites();
  }

  // The next update; nullopt once all is told. CANCELLED if `stop` came first;
  // else the provider's error, or INTERNAL for what breaks the order.
  coro::Task<absl::StatusOr<std::optional<Update>>> Next(std::stop_token stop) {
    auto read = ReadInOrder(std::move(stop));
    absl::StatusOr<std::optional<Update>> update = co_await std::move(read);
    failed_ = !update.ok();
    co_return update;
  }
  // Whether Next() had an error to tell: nothing follows.
  bool failed() const { return failed_; }

  // Cancels what is left of the call, and waits for its end. Idempotent.
  coro::Task<void> Close() {
    if (std::exchange(closed_, true)) co_return;
    coro::Task<absl::Status> end = stream_.End();
    end_ = co_await std::move(end);
  }

 protected:
  // What is wrong with an update, or with an end, now; null: nothing.
  virtual const char* Refuse(const Update& update) = 0;
  virtual const char* RefuseEnd() const = 0;

 private:
  coro::Task<absl::StatusOr<std::optional<Update>>> ReadInOrder(
      std::stop_token stop) {
    auto read = stream_.Read(stop);
    absl::StatusOr<std::optional<Update>> update = co_await std::move(read);
    if (!update.ok()) {
      if (stop.stop_requested()) co_return update.status();
      co_return connection_.Broken(method_, "does not parse");
    }
    if (!update->has_value()) {
      coro::Task<void> close = Close();
      co_await std::move(close);
      if (!end_.ok()) co_return connection_.Explain(end_);
    }
    const char* const wrong =
        update->has_value() ? Refuse(**update) : RefuseEnd();
    if (wrong != nullptr) co_return connection_.Broken(method_, wrong);
    co_return update;
  }

  ProviderConnection& connection_;
  const char* const method_;
  rpc::ClientStream<Request, Update> stream_;
  bool failed_ = false;
  bool closed_ = false;
  absl::Status end_;  // once closed
};

// A call of Init: progress, then initialized, then the end.
class Initializing
    : public Updates<provider::v1::InitRequest, provider::v1::InitResponse> {
 public:
  Initializing(ProviderConnection& connection, coro::Instant deadline)
      : Updates(connection, "Init", deadline) {}

 private:
  const char* Refuse(const provider::v1::InitResponse& update) override;
  const char* RefuseEnd() const override;

  bool initialized_ = false;
};

// A call of Enter: entered, then the end. Before, if it awaits the object's
// init inside: initializing, progress, initialized.
//
// The Enter hook reads it; while the provider is in the init, the Init hook
// (object.h).
class Entering
    : public Updates<provider::v1::EnterRequest, provider::v1::EnterResponse> {
 public:
  Entering(ProviderConnection& connection, coro::Instant deadline)
      : Updates(connection, "Enter", deadline) {}

  // Guarded by the object's mutex: whether the Init hook reads it, and then
  // whether the Enter hook has left it to the Init hook to close.
  bool init_reads = false;
  bool left = false;

 private:
  enum class State { kBegun, kInitializing, kInitialized, kEntered };

  const char* Refuse(const provider::v1::EnterResponse& update) override;
  const char* RefuseEnd() const override;

  State state_ = State::kBegun;
};

}  // namespace anteroom::kinds

#endif  // ANTEROOM_SERVER_KINDS_PROVIDER_UPDATES_H_
