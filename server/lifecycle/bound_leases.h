// BoundLeases: the leases that are bound to one instance, in the order in which
// they were: that of their fencing tokens. A list whose links are places in the
// table, and stand in the leases: 8 bytes each, where a set of pointers takes
// 17.
//
// It does not refer to its leases: whoever binds one does until it is removed.
//
// Thread safety: none; guarded, as are the links, by the mutex of the pool that
// owns the instance. Takes the table's locks.
#ifndef ANTEROOM_SERVER_LIFECYCLE_BOUND_LEASES_H_
#define ANTEROOM_SERVER_LIFECYCLE_BOUND_LEASES_H_

#include <cstddef>
#include <cstdint>

#include "server/lifecycle/lease.h"
#include "server/lifecycle/lease_table.h"

namespace anteroom::lifecycle {

class BoundLeases {
 public:
  // Over leases, each as a Lease&. What it stands on must stay.
  class Iterator {
   public:
    Iterator(LeaseTable& table, Lease::Place place)
        : table_(&table), place_(place) {}
    Lease& operator*() const { return table_->At(place_); }
    Iterator& operator++() {
      place_ = (**this).bound_links().next;
      return *this;
    }
    friend bool operator==(const Iterator&, const Iterator&) = default;

   private:
    LeaseTable* table_;
    Lease::Place place_;
  };

  explicit BoundLeases(LeaseTable& table) : table_(table) {}
  BoundLeases(const BoundLeases&) = delete;
  BoundLeases& operator=(const BoundLeases&) = delete;

  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  Iterator begin() const { return {table_, first_}; }
  Iterator end() const { return {table_, Lease::kNoPlace}; }
  // The one after `bound`, which is in the list.
  Iterator After(Lease& bound) const {
    return {table_, bound.bound_links().next};
  }
  // The first whose fencing token is larger. Goes over all before.
  Iterator After(std::uint64_t token) const;

  // Puts one in that is in no such list. Its token is to be larger than theirs.
  void Add(Lease& lease);
  // REQUIRES: it is in this list.
  void Remove(Lease& lease);

 private:
  LeaseTable& table_;
  std::size_t size_ = 0;
  Lease::Place first_ = Lease::kNoPlace;
  Lease::Place last_ = Lease::kNoPlace;
};

}  // namespace anteroom::lifecycle

#endif  // ANTEROOM_SERVER_LIFECYCLE_BOUND_LEASES_H_
