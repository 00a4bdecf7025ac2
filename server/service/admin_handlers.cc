#include "server/service/admin_handlers.h"

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "server/error/error.h"
#include "server/lifecycle/lease.h"
#include "server/lifecycle/pool.h"
#include "server/service/admin_convert.h"
#include "server/service/convert.h"
#include "server/service/explanation.h"
#include "server/service/page.h"

namespace anteroom::service {
namespace {

using coro::Task;
using lifecycle::Lease;
using lifecycle::LeasePtr;
using lifecycle::LeaseState;
using lifecycle::Pool;

absl::Status CheckGiven(absl::string_view field, absl::string_view value) {
  if (!value.empty()) return absl::OkStatus();
  return InvalidField(field, "must not be empty");
}

// Where a listing over pools goes on: in `resource`, after `cursor`. A listing
// of instances has their numbers for cursors.
struct Place {
  std::string resource;
  Pool::LeaseCursor cursor;
};

std::string PositionAt(const Place& place) {
  return absl::StrCat(place.cursor.bound ? "bound" : "", "/",
                      place.cursor.instance, "/", place.cursor.after, "/",
                      place.cursor.place, "/", place.resource);
}

// The beginning, for an empty position.
absl::StatusOr<Place> PlaceAt(absl::string_view position) {
  Place place;
  if (position.empty()) return place;
  const std::vector<absl::string_view> parts =
      absl::StrSplit(position, absl::MaxSplits('/', 4));
  if (parts.size() != 5 ||
      !absl::SimpleAtoi(parts[1], &place.cursor.instance) ||
      !absl::SimpleAtoi(parts[2], &place.cursor.after) ||
      !absl::SimpleAtoi(parts[3], &place.cursor.place)) {
    return InvalidPageToken();
  }
  place.cursor.bound = !parts[0].empty();
  place.resource = std::string(parts[4]);
  return place;
}

// Fills a page with what `pools`, ordered by name, have from `place` on.
// `fetch(pool, cursor, max)` looks up the next elements and moves the cursor
// on; `add` adds one to the page and returns its size in bytes, or nullopt if
// it is not to be shown. Where the next page goes on; nullopt: this is the
// last.
template <typename Fetch, typename Add>
std::optional<Place> FillPage(const std::vector<Pool*>& pools, Place place,
                              PageRoom room, Fetch fetch, Add add) {
  for (Pool* const pool : pools) {
    if (pool->resource() < place.resource) continue;
    if (pool->resource() != place.resource) place = {pool->resource(), {}};
    while (true) {
      Pool::LeaseCursor next = place.cursor;
      const auto elements =
          fetch(*pool, next, std::max<std::size_t>(room.batch(), 1));
      if (elements.empty()) break;
      if (room.full()) return place;
      for (const auto& element : elements) {
        const std::optional<std::size_t> bytes = add(element);
        if (bytes.has_value()) room.Took(*bytes);
      }
      place.cursor = next;
    }
  }
  return std::nullopt;
}

// Adds what fits into one list of an answer.
template <typename From, typename To>
void AddAll(const From& from, PageRoom room, To add) {
  for (const auto& element : from) {
    if (room.full()) return;
    room.Took(add(element));
  }
}

// When the first of `leases` ends as things stand, in whole seconds.
absl::Time FirstEnd(
    const google::protobuf::RepeatedPtrField<v1::Lease>& leases) {
  absl::Time first = absl::InfiniteFuture();
  for (const v1::Lease& lease : leases) {
    if (lease.has_expire_time()) {
      first =
          std::min(first, absl::FromUnixSeconds(lease.expire_time().seconds()));
    }
    if (lease.has_revoke_time()) {
      first =
          std::min(first, absl::FromUnixSeconds(lease.revoke_time().seconds()));
    }
  }
  return first;
}

}  // namespace

AdminHandlers::AdminHandlers(lifecycle::Anteroom& anteroom,
                             const coro::Clock& clock, Options options)
    : anteroom_(anteroom),
      clock_(clock),
      drain_timeout_(options.drain_timeout),
      on_drain_(std::move(options.on_drain)) {
  for (v1::Resource& resource : options.resources) {
    resource.clear_policy();
    std::string name = resource.name();
    configured_.insert_or_assign(std::move(name), std::move(resource));
  }
}

v1::Resource AdminHandlers::Describe(const Pool& pool) const {
  v1::Resource proto;
  const auto configured = configured_.find(pool.resource());
  if (configured != configured_.end()) proto = configured->second;
  proto.set_name(pool.resource());
  *proto.mutable_policy() = ToProto(pool.policy());
  return proto;
}

absl::StatusOr<std::vector<Pool*>> AdminHandlers::PoolsOf(
    absl::string_view resource) const {
  if (resource.empty()) return anteroom_.pools();
  const absl::StatusOr<Pool*> pool = anteroom_.FindPool(resource);
  if (!pool.ok()) return pool.status();
  return std::vector<Pool*>{*pool};
}

Task<absl::Status> AdminHandlers::ListResources(
    const v1::ListResourcesRequest& request,
    v1::ListResourcesResponse& response) {
  absl::StatusOr<PageRoom> room = PageRoom::Of(request.page_size());
  if (!room.ok()) co_return room.status();
  const Listing listing("ListResources", /*filter=*/"");
  // The position is the name of the last one.
  const absl::StatusOr<std::string> after =
      listing.PositionOf(request.page_token());
  if (!after.ok()) co_return after.status();
  for (const Pool* const pool : anteroom_.pools()) {
    if (pool->resource() <= *after) continue;
    if (room->full()) {
      response.set_next_page_token(
          listing.TokenOf(response.resources().rbegin()->name()));
      break;
    }
    v1::Resource& resource = *response.add_resources();
    resource = Describe(*pool);
    room->Took(resource.ByteSizeLong());
  }
  co_return absl::OkStatus();
}

Task<absl::Status> AdminHandlers::GetResource(
    const v1::GetResourceRequest& request, v1::GetResourceResponse& response) {
  const absl::Status valid = CheckGiven("name", request.name());
  if (!valid.ok()) co_return valid;
  const absl::StatusOr<Pool*> pool = anteroom_.FindPool(request.name());
  if (!pool.ok()) co_return pool.status();
  *response.mutable_resource() = Describe(**pool);
  co_return absl::OkStatus();
}

Task<absl::Status> AdminHandlers::ListInstances(
    const v1::ListInstancesRequest& request,
    v1::ListInstancesResponse& response) {
  const absl::StatusOr<PageRoom> room = PageRoom::Of(request.page_size());
  if (!room.ok()) co_return room.status();
  const Listing listing("ListInstances", request.resource());
  const absl::StatusOr<std::string> position =
      listing.PositionOf(request.page_token());
  if (!position.ok()) co_return position.status();
  absl::StatusOr<Place> place = PlaceAt(*position);
  if (!place.ok()) co_return place.status();
  const absl::StatusOr<std::vector<Pool*>> pools = PoolsOf(request.resource());
  if (!pools.ok()) co_return pools.status();
  const std::optional<Place> next = FillPage(
      *pools, *std::move(place), *room,
      [](const Pool& pool, Pool::LeaseCursor& cursor, std::size_t max) {
        std::vector<lifecycle::InstanceView> instances =
            pool.Instances(cursor.after, max);
        if (!instances.empty()) cursor.after = instances.back().number;
        return instances;
      },
      [&](const lifecycle::InstanceView& view) -> std::optional<std::size_t> {
        v1::Instance& instance = *response.add_instances();
        instance = ToProto(view);
        return instance.ByteSizeLong();
      });
  if (next.has_value()) {
    response.set_next_page_token(listing.TokenOf(PositionAt(*next)));
  }
  co_return absl::OkStatus();
}

Task<absl::Status> AdminHandlers::ListLeases(
    const v1::ListLeasesRequest& request, v1::ListLeasesResponse& response) {
  const absl::StatusOr<PageRoom> room = PageRoom::Of(request.page_size());
  if (!room.ok()) co_return room.status();
  const Listing listing("ListLeases", request.resource());
  const absl::StatusOr<std::string> position =
      listing.PositionOf(request.page_token());
  if (!position.ok()) co_return position.status();
  absl::StatusOr<Place> place = PlaceAt(*position);
  if (!place.ok()) co_return place.status();
  const absl::StatusOr<std::vector<Pool*>> pools = PoolsOf(request.resource());
  if (!pools.ok()) co_return pools.status();
  const std::optional<Place> next = FillPage(
      *pools, *std::move(place), *room,
      [](const Pool& pool, Pool::LeaseCursor& cursor, std::size_t max) {
        return pool.Leases(cursor, max);
      },
      [&](const LeasePtr& lease) -> std::optional<std::size_t> {
        v1::Lease proto;
        ToProto(*lease, LeaseId::kHidden, &proto);
        // It has ended since, or an exit hook outlived its bound.
        if (proto.state() == v1::Lease::STATE_ENDED) return std::nullopt;
        const std::size_t bytes = proto.ByteSizeLong();
        *response.add_leases() = std::move(proto);
        return bytes;
      });
  if (next.has_value()) {
    response.set_next_page_token(listing.TokenOf(PositionAt(*next)));
  }
  co_return absl::OkStatus();
}

Task<absl::Status> AdminHandlers::RevokeLease(
    const v1::RevokeLeaseRequest& request, v1::RevokeLeaseResponse& response) {
  const absl::Status valid = CheckGiven("name", request.name());
  if (!valid.ok()) co_return valid;
  absl::StatusOr<absl::Duration> notice = FromProto("notice", request.notice());
  if (!notice.ok()) co_return notice.status();
  const absl::StatusOr<LeasePtr> lease = anteroom_.FindByName(request.name());
  if (!lease.ok()) co_return lease.status();
  Pool& pool = (*lease)->pool();
  if (!request.has_notice()) notice = pool.policy().revoke_notice;
  const bool exiting = (*lease)->state() == LeaseState::kExiting;
  pool.Revoke(*lease, *notice, lifecycle::ExitReason::kRevoked);
  v1::Lease& proto = *response.mutable_lease();
  ToProto(**lease, LeaseId::kHidden, &proto);
  if (!exiting && !proto.has_revoke_time()) {  // taken at once
    ToProto(clock_.WallNow(), proto.mutable_revoke_time());
  }
  co_return absl::OkStatus();
}

Task<absl::Status> AdminHandlers::EvictInstance(
    const v1::EvictInstanceRequest& request,
    v1::EvictInstanceResponse& response) {
  const absl::Status valid = CheckGiven("instance_id", request.instance_id());
  if (!valid.ok()) co_return valid;
  const absl::StatusOr<lifecycle::InstanceView> instance =
      anteroom_.Evict(request.instance_id());
  if (!instance.ok()) co_return instance.status();
  *response.mutable_instance() = ToProto(*instance);
  co_return absl::OkStatus();
}

Task<absl::Status> AdminHandlers::Drain(rpc::CallContext& call,
                                        const v1::DrainRequest& request,
                                        v1::DrainResponse& response) {
  absl::StatusOr<absl::Duration> timeout =
      FromProto("timeout", request.timeout());
  if (!timeout.ok()) co_return timeout.status();
  if (!request.has_timeout()) timeout = drain_timeout_;
  if (request.resource().empty()) on_drain_();
  auto drain = anteroom_.DrainWithin(request.resource(), call.stop_token(),
                                     coro::After(clock_.Now(), *timeout));
  const absl::StatusOr<bool> forced = co_await std::move(drain);
  if (!forced.ok()) co_return forced.status();
  response.set_forced(*forced);
  co_return absl::OkStatus();
}

Task<absl::Status> AdminHandlers::ExplainWait(
    const v1::ExplainWaitRequest& request, v1::ExplainWaitResponse& response) {
  const absl::Status valid = CheckGiven("resource", request.resource());
  if (!valid.ok()) co_return valid;
  const absl::Status named = CheckName("key", request.key());
  if (!named.ok()) co_return named;
  const absl::StatusOr<Pool*> pool = anteroom_.FindPool(request.resource());
  if (!pool.ok()) co_return pool.status();
  const absl::Status keyed = (*pool)->CheckKey(request.key());
  if (!keyed.ok()) co_return keyed;
  const Pool::WaitReport report = (*pool)->Explain(request.key(), kMaxPageSize);
  const auto add_lease = [](auto& leases) {
    return [&leases](const LeasePtr& lease) {
      v1::Lease& proto = *leases.Add();
      ToProto(*lease, LeaseId::kHidden, &proto);
      return proto.ByteSizeLong();
    };
  };
  const PageRoom room(kMaxPageSize);
  AddAll(report.holders, room, add_lease(*response.mutable_holders()));
  AddAll(report.waiters, room, add_lease(*response.mutable_waiters()));
  AddAll(report.instances, room, [&](const lifecycle::InstanceView& view) {
    v1::Instance& instance = *response.add_instances();
    instance = ToProto(view);
    return instance.ByteSizeLong();
  });
  response.set_explanation(Explanation(request.resource(), request.key(),
                                       (*pool)->policy(), report,
                                       FirstEnd(response.holders())));
  co_return absl::OkStatus();
}

}  // namespace anteroom::service
