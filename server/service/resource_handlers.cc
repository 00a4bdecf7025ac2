#include "server/service/resource_handlers.h"

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "server/error/error.h"
#include "server/service/convert.h"

namespace anteroom::service {
namespace {

using coro::Task;

// Events that one look at the log hands to a watcher.
constexpr std::size_t kEventBatch = 256;

absl::Status CheckLeaseId(const std::string& lease_id) {
  if (!lease_id.empty()) return absl::OkStatus();
  return InvalidField("lease_id", "must not be empty");
}

bool Concerns(const v1::WatchEventsRequest& request,
              const lifecycle::Event& event) {
  return (request.resource().empty() ||
          request.resource() == event.resource()) &&
         (request.lease_name().empty() ||
          request.lease_name() == event.lease_name());
}

}  // namespace

rpc::UnaryCall ResourceHandlers::Acquire(coro::TaskGroup::Ticket /*moved out*/,
                                         rpc::CallContext call,
                                         const v1::AcquireRequest& request,
                                         v1::AcquireResponse& response) {
  absl::StatusOr<lifecycle::Scope::AcquireRequested> acquire =
      FromProto(request, LeaseBinding::kTtl);
  if (!acquire.ok()) co_return acquire.status();
  auto acquired =
      anteroom_.Acquire(acquire->resource, std::move(acquire->options),
                        acquire->max_wait, call.stop_token(), call.deadline());
  const auto lease = co_await std::move(acquired);
  if (!lease.ok()) co_return lease.status();
  ToProto(**lease, LeaseId::kShown, response.mutable_lease());
  co_return absl::OkStatus();
}

rpc::UnaryCall ResourceHandlers::Use(coro::TaskGroup::Ticket /*moved out*/,
                                     rpc::CallContext call,
                                     const v1::UseRequest& request,
                                     v1::UseResponse& response) {
  const absl::Status valid = CheckLeaseId(request.lease_id());
  if (!valid.ok()) co_return valid;
  const absl::Status named =
      CheckMethodName("method_name", request.method_name());
  if (!named.ok()) co_return named;
  auto use = anteroom_.Use(request.lease_id(), request.method_name(),
                           ViewOf(request.argument()), request.fencing_token(),
                           call.stop_token(), call.deadline());
  absl::StatusOr<lifecycle::Payload> result = co_await std::move(use);
  if (!result.ok()) co_return result.status();
  ToProto(*std::move(result), response.mutable_result());
  co_return absl::OkStatus();
}

Task<absl::Status> ResourceHandlers::Renew(const v1::RenewRequest& request,
                                           v1::RenewResponse& response) {
  const absl::Status valid = CheckLeaseId(request.lease_id());
  if (!valid.ok()) co_return valid;
  const absl::StatusOr<absl::Duration> ttl = FromProto("ttl", request.ttl());
  if (!ttl.ok()) co_return ttl.status();
  const auto lease = anteroom_.Renew(request.lease_id(), *ttl);
  if (!lease.ok()) co_return lease.status();
  ToProto(**lease, LeaseId::kShown, response.mutable_lease());
  co_return absl::OkStatus();
}

rpc::UnaryCall ResourceHandlers::Release(coro::TaskGroup::Ticket /*moved out*/,
                                         rpc::CallContext call,
                                         const v1::ReleaseRequest& request,
                                         v1::ReleaseResponse& response) {
  const absl::Status valid = CheckLeaseId(request.lease_id());
  if (!valid.ok()) co_return valid;
  absl::StatusOr<lifecycle::ExitCause> cause = FromProto(request);
  if (!cause.ok()) co_return cause.status();
  auto release = anteroom_.Release(request.lease_id(), *std::move(cause),
                                   call.stop_token(), call.deadline());
  const absl::StatusOr<lifecycle::Receipt> receipt =
      co_await std::move(release);
  if (!receipt.ok()) co_return receipt.status();
  ToProto(*receipt, response.mutable_receipt());
  co_return absl::OkStatus();
}

Task<absl::Status> ResourceHandlers::GetLease(
    const v1::GetLeaseRequest& request, v1::GetLeaseResponse& response) {
  const absl::Status valid = CheckLeaseId(request.lease_id());
  if (!valid.ok()) co_return valid;
  const auto lease = anteroom_.Find(request.lease_id());
  if (!lease.ok()) co_return lease.status();
  ToProto(**lease, LeaseId::kShown, response.mutable_lease());
  co_return absl::OkStatus();
}

Task<absl::Status> ResourceHandlers::WatchEvents(
    const v1::WatchEventsRequest& request, WatchStream& stream) {
  lifecycle::EventLog& events = anteroom_.events();
  const lifecycle::EventLog::Watch watch(events);
  std::uint64_t next = request.from_sequence();
  if (next == 0) next = events.next_sequence();
  // Headers at once: the client knows from when on it watches.
  stream.SendHeaders();
  while (true) {
    auto read = events.Read(next, kEventBatch, stream.stop_token());
    const absl::StatusOr<std::vector<lifecycle::Event>> batch =
        co_await std::move(read);
    if (!batch.ok()) co_return batch.status();
    next = batch->back().sequence + 1;
    std::vector<const lifecycle::Event*> wanted;
    for (const lifecycle::Event& event : *batch) {
      if (Concerns(request, event)) wanted.push_back(&event);
    }
    for (const lifecycle::Event* const event : wanted) {
      v1::WatchEventsResponse response;
      ToProto(*event, response.mutable_event());
      Task<bool> write =
          stream.Write(std::move(response), /*more=*/event != wanted.back());
      if (!co_await std::move(write)) {
        co_return absl::CancelledError("the watcher left");
      }
    }
  }
}

}  // namespace anteroom::service
