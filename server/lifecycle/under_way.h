// UnderWay: the slots that the instances under way of a line have left
// (line.h), by number of instance.
//
// Slots count through from the first instance to the last: slot 0 is the first
// one left of the first instance that has any. All in logarithmic time.
//
// Invariant: each node of the tree knows the sum of what is below it, itself
// included.
//
// Thread safety: none; guarded by the mutex of the pool that owns it.
#ifndef ANTEROOM_SERVER_LIFECYCLE_UNDER_WAY_H_
#define ANTEROOM_SERVER_LIFECYCLE_UNDER_WAY_H_

#include <cstddef>
#include <cstdint>
#include <ext/pb_ds/assoc_container.hpp>
#include <functional>
#include <limits>

namespace anteroom::lifecycle {

class UnderWay {
 public:
  // Of one instance, or of several.
  struct Sum {
    std::size_t slots = 0;    // that no lease is bound to
    std::size_t unbound = 0;  // instances that no lease is bound to

    Sum& operator+=(const Sum& other) {
      slots += other.slots;
      unbound += other.unbound;
      return *this;
    }
    friend bool operator==(const Sum&, const Sum&) = default;
  };

  // The instance with this number is under way, and has that.
  void Put(std::uint64_t number, const Sum& sum);
  // It is no more. False: it was not.
  bool Remove(std::uint64_t number);

  Sum All() const;
  // Of the instances with smaller numbers.
  Sum Before(std::uint64_t number) const;

  static constexpr std::uint64_t kNone =
      std::numeric_limits<std::uint64_t>::max();
  // The number of the instance whose slot this is; kNone: there are not so
  // many.
  std::uint64_t OwnerOf(std::size_t slot) const;

 private:
  // How the tree keeps the sums up to date: it calls this for each node whose
  // children have changed, from the bottom up.
  template <typename ConstNode, typename Node, typename Compare,
            typename Allocator>
  struct KeepSums {
    using metadata_type = Sum;
    void operator()(Node node, ConstNode none) const {
      Sum sum = (*node)->second;
      for (const ConstNode child :
           {ConstNode(node.get_l_child()), ConstNode(node.get_r_child())}) {
        if (child != none) sum += child.get_metadata();
      }
      const_cast<Sum&>(node.get_metadata()) = sum;
    }
  };
  using Tree = __gnu_pbds::tree<std::uint64_t, Sum, std::less<std::uint64_t>,
                                __gnu_pbds::rb_tree_tag, KeepSums>;

  // Of a node, and of all below it.
  Sum SumOf(Tree::node_const_iterator node) const;

  Tree tree_;
};

}  // namespace anteroom::lifecycle

#endif  // ANTEROOM_SERVER_LIFECYCLE_UNDER_WAY_H_
