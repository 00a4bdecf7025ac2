// FakeChannel: the caller of a streaming method that has said at once all that
// it will say, and takes all that it is told.
#ifndef ANTEROOM_TESTS_SUPPORT_FAKE_CHANNEL_H_
#define ANTEROOM_TESTS_SUPPORT_FAKE_CHANNEL_H_

#include <deque>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/coro/task.h"
#include "server/lifecycle/resource.h"

namespace anteroom::testing {

class FakeChannel : public lifecycle::UseChannel {
 public:
  coro::Task<absl::StatusOr<std::optional<lifecycle::Payload>>> Read(
      std::stop_token) override {
    if (incoming.empty()) co_return std::nullopt;
    lifecycle::Payload next = std::move(incoming.front());
    incoming.pop_front();
    co_return next;
  }
  coro::Task<absl::Status> Write(lifecycle::Payload message,
                                 std::stop_token) override {
    outgoing.push_back(std::move(message.data));
    co_return absl::OkStatus();
  }

  std::deque<lifecycle::Payload> incoming;
  std::vector<std::string> outgoing;
};

}  // namespace anteroom::testing

#endif  // ANTEROOM_TESTS_SUPPORT_FAKE_CHANNEL_H_
