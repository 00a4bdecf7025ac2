#include "server/kinds/provider/provider.h"

#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "server/kinds/provider/description.h"
#include "server/kinds/provider/object.h"

namespace anteroom::kinds {
namespace {

using coro::Task;
using provider::v1::DescribeRequest;
using provider::v1::DescribeResponse;

std::string NameOfStart(coro::Runtime runtime) {
  return absl::StrCat(absl::Hex(absl::ToUnixMicros(runtime.clock.WallNow())),
                      "-", absl::Hex(runtime.random.Next(), absl::kZeroPad16));
}

}  // namespace

Provider::Provider(coro::Runtime runtime, ProviderParameters parameters)
    : runtime_(runtime),
      parameters_(std::move(parameters)),
      start_(NameOfStart(runtime)),
      connection_(runtime, parameters_.address),
      watch_(runtime, connection_, parameters_.watch,
             [this](std::stop_token stop, coro::Instant deadline) {
               return Probe(std::move(stop), deadline);
             }) {}

Task<absl::StatusOr<lifecycle::Made>> Provider::Make(
    const lifecycle::InstanceInfo& info, lifecycle::InstanceContext& instance,
    lifecycle::ConstructContext& context) {
  auto describe = Describe({context.stop(), context.deadline()});
  const absl::StatusOr<DescribeResponse> description =
      co_await std::move(describe);
  if (!description.ok()) co_return description.status();
  const absl::StatusOr<lifecycle::Hooks> hooks =
      HooksOf(*description, parameters_.kind, connection_);
  if (!hooks.ok()) co_return hooks.status();

  // Each attempt makes an object of its own: the last may be half made.
  std::string id = absl::StrCat(info.instance_id, "@", start_, ".",
                                last_object_.fetch_add(1) + 1);
  auto object = std::make_unique<ProviderObject>(*this, info, std::move(id),
                                                 *hooks, instance);
  Task<absl::Status> construct = object->Construct(context);
  const absl::Status constructed = co_await std::move(construct);
  if (!constructed.ok()) {
    Task<void> undo = object->UndoConstruct(constructed);
    co_await std::move(undo);
    co_return constructed;
  }
  lifecycle::Made made;
  made.object = std::move(object);
  made.hooks = *hooks;
  co_return made;
}

Task<absl::StatusOr<DescribeResponse>> Provider::Describe(
    rpc::CallOptions options) {
  DescribeRequest request;
  request.set_idempotency_key(
      absl::StrCat(start_, "/describe/", last_describe_.fetch_add(1) + 1));
  return connection_.Call<DescribeResponse>("Describe", std::move(request),
                                            std::move(options));
}

Task<absl::Status> Provider::Probe(std::stop_token stop,
                                   coro::Instant deadline) {
  auto describe =
      Describe({std::move(stop), deadline, /*wait_for_ready=*/true});
  const absl::StatusOr<DescribeResponse> description =
      co_await std::move(describe);
  if (!description.ok()) co_return description.status();
  co_return HooksOf(*description, parameters_.kind, connection_).status();
}

}  // namespace anteroom::kinds
