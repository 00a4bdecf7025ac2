#include "server/lifecycle/bound_leases.h"

namespace anteroom::lifecycle {

BoundLeases::Iterator BoundLeases::After(std::uint64_t token) const {
  Iterator next = begin();
  while (next != end() && (*next).fencing_token() <= token) ++next;
  return next;
}

void BoundLeases::Add(Lease& lease) {
  const Lease::Place place = lease.place();
  lease.bound_links() = {Lease::kNoPlace, last_};
  (last_ == Lease::kNoPlace ? first_ : table_.At(last_).bound_links().next) =
      place;
  last_ = place;
  ++size_;
}

void BoundLeases::Remove(Lease& lease) {
  const auto [next, previous] = lease.bound_links();
  (previous == Lease::kNoPlace ? first_
                               : table_.At(previous).bound_links().next) = next;
  (next == Lease::kNoPlace ? last_ : table_.At(next).bound_links().previous) =
      previous;
  --size_;
}

}  // namespace anteroom::lifecycle
