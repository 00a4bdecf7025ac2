#include "server/lifecycle/kept.h"

namespace anteroom::lifecycle {
namespace {

std::size_t BytesOf(const Kept::Reply& reply) {
  return reply.ok() ? reply->data.size() : reply.status().message().size();
}

}  // namespace

void Kept::Keep(const Event& event) {
  events_.emplace(++last_, event);
  if (events_.size() > kMaxEvents) events_.erase(events_.begin());
}

void Kept::Keep(std::uint64_t call_id, const Reply& reply) {
  Drop(call_id);
  reply_of_.emplace(call_id, ++last_);
  replies_.emplace(last_, Told{call_id, reply});
  bytes_ += BytesOf(reply);
  while (replies_.size() > kMaxReplies || bytes_ > kMaxReplyBytes) {
    const std::uint64_t oldest = replies_.begin()->second.call_id;
    Drop(oldest);
    lost_.insert(oldest);
  }
  if (lost_.size() > kMaxLost) {
    lost_.erase(lost_.begin());
    knows_all_lost_ = false;
  }
}

void Kept::Drop(std::uint64_t call_id) {
  const auto found = reply_of_.find(call_id);
  if (found == reply_of_.end()) return;
  const auto told = replies_.find(found->second);
  bytes_ -= BytesOf(told->second.reply);
  replies_.erase(told);
  reply_of_.erase(found);
}

void Kept::Forget(std::uint64_t call_id) {
  Drop(call_id);
  lost_.erase(call_id);
  arrived_.erase(call_id);
}

void Kept::ForgetAllBut(const std::set<std::uint64_t>& unanswered) {
  for (const std::uint64_t call_id : replied()) {
    if (!unanswered.contains(call_id)) Drop(call_id);
  }
  std::erase_if(lost_, [&unanswered](std::uint64_t call_id) {
    return !unanswered.contains(call_id);
  });
}

std::vector<std::uint64_t> Kept::replied() const {
  std::vector<std::uint64_t> replied;
  for (const auto& [call_id, number] : reply_of_) replied.push_back(call_id);
  return replied;
}

void Kept::Replay(
    std::uint64_t sequence, absl::FunctionRef<void(const Event&)> on_event,
    absl::FunctionRef<void(std::uint64_t, const Reply&)> on_reply) const {
  auto told = replies_.begin();
  for (const auto& [number, event] : events_) {
    for (; told != replies_.end() && told->first < number; ++told) {
      on_reply(told->second.call_id, told->second.reply);
    }
    if (event.sequence > sequence) on_event(event);
  }
  for (; told != replies_.end(); ++told) {
    on_reply(told->second.call_id, told->second.reply);
  }
}

}  // namespace anteroom::lifecycle
