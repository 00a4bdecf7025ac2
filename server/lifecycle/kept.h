// Kept: what a scope keeps for a stream that resumes it: the events and replies
// that it has told, in their order, within bounds.
//
// Thread safety: none; its scope's.
#ifndef ANTEROOM_SERVER_LIFECYCLE_KEPT_H_
#define ANTEROOM_SERVER_LIFECYCLE_KEPT_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <variant>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "server/lifecycle/event.h"
#include "server/lifecycle/payload.h"

namespace anteroom::lifecycle {

class Kept {
 public:
  using Reply = absl::StatusOr<Payload>;

  static constexpr std::size_t kMaxReplies = 1000;
  static constexpr std::size_t kMaxReplyBytes = std::size_t{1} << 20;
  static constexpr std::size_t kMaxEvents = 1000;
  // Call ids remembered of replies that the bounds have dropped.
  static constexpr std::size_t kMaxLost = 5000;

  void Keep(const Event& event);
  // In the place of an earlier reply to the same call.
  void Keep(std::uint64_t call_id, const Reply& reply);

  // The client has the reply, or uses the id for another call: nothing is known
  // of the earlier one any more.
  void Forget(std::uint64_t call_id);
  // The client has all replies but those to `unanswered`.
  void ForgetAllBut(const std::set<std::uint64_t>& unanswered);

  bool has_reply(std::uint64_t call_id) const {
    return reply_of_.contains(call_id);
  }
  // Whether a reply to it was, or may have been, dropped.
  bool MayBeLost(std::uint64_t call_id) const {
    return !knows_all_lost_ || lost_.contains(call_id);
  }
  std::vector<std::uint64_t> replied() const;
  const std::set<std::uint64_t>& lost() const { return lost_; }
  // Bytes of the replies.
  std::size_t bytes() const { return bytes_; }

  // The same acquire has come again, from a client that has nothing yet: calls
  // with these ids, should it send them again, are those that had arrived.
  void Arrived(std::vector<std::uint64_t> call_ids) {
    arrived_ = {call_ids.begin(), call_ids.end()};
  }
  // Whether that is one of them; the next is not.
  bool TakeArrived(std::uint64_t call_id) {
    return arrived_.erase(call_id) > 0;
  }

  // All replies, and the events after `sequence`, in the order in which they
  // were told.
  void Replay(
      std::uint64_t sequence, absl::FunctionRef<void(const Event&)> on_event,
      absl::FunctionRef<void(std::uint64_t, const Reply&)> on_reply) const;

 private:
  struct Told {
    std::uint64_t call_id = 0;
    Reply reply;
  };

  void Drop(std::uint64_t call_id);

  // Both numbered in the order in which they were told.
  std::map<std::uint64_t, Event> events_;
  std::map<std::uint64_t, Told> replies_;
  std::uint64_t last_ = 0;
  std::map<std::uint64_t, std::uint64_t> reply_of_;  // call id: number
  std::size_t bytes_ = 0;
  // Replies that the bounds have dropped; false: some even of these.
  std::set<std::uint64_t> lost_;
  bool knows_all_lost_ = true;
  std::set<std::uint64_t> arrived_;
};

}  // namespace anteroom::lifecycle

#endif  // ANTEROOM_SERVER_LIFECYCLE_KEPT_H_
