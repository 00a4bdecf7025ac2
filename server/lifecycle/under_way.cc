#include "server/lifecycle/under_way.h"

namespace anteroom::lifecycle {

void UnderWay::Put(std::uint64_t number, const Sum& sum) {
  const auto found = tree_.find(number);
  if (found != tree_.end()) {
    if (found->second == sum) return;
    tree_.erase(found);
  }
  tree_.insert({number, sum});
}

bool UnderWay::Remove(std::uint64_t number) { return tree_.erase(number); }

UnderWay::Sum UnderWay::SumOf(Tree::node_const_iterator node) const {
  return node == tree_.node_end() ? Sum() : node.get_metadata();
}

UnderWay::Sum UnderWay::All() const { return SumOf(tree_.node_begin()); }

UnderWay::Sum UnderWay::Before(std::uint64_t number) const {
  Sum before;
  auto node = tree_.node_begin();
  while (node != tree_.node_end()) {
    if (number <= (*node)->first) {
      node = node.get_l_child();
    } else {
      before += SumOf(node.get_l_child());
      before += (*node)->second;
      node = node.get_r_child();
    }
  }
  return before;
}

std::uint64_t UnderWay::OwnerOf(std::size_t slot) const {
  auto node = tree_.node_begin();
  while (node != tree_.node_end()) {
    const std::size_t before = SumOf(node.get_l_child()).slots;
    const std::size_t own = (*node)->second.slots;
    if (slot < before) {
      node = node.get_l_child();
    } else if (slot < before + own) {
      return (*node)->first;
    } else {
      slot -= before + own;
      node = node.get_r_child();
    }
  }
  return kNone;
}

}  // namespace anteroom::lifecycle
