// What the tests of Scope share: what it says to do, as words.
#ifndef ANTEROOM_TESTS_LIFECYCLE_SCOPE_TEST_H_
#define ANTEROOM_TESTS_LIFECYCLE_SCOPE_TEST_H_

#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "server/lifecycle/scope.h"
#include "tests/lifecycle/lifecycle_test.h"

namespace anteroom::lifecycle {

inline std::string StatusWord(const absl::Status& status) {
  std::string reason = DetailOf(status).reason;
  if (!reason.empty()) return reason;
  return status.ok() ? "OK" : absl::StatusCodeToString(status.code());
}

// One word an effect, such as "use:7" or "finish:OK".
struct Words {
  std::string operator()(const Scope::StartAcquire&) { return "acquire"; }
  std::string operator()(const Scope::StopAcquire&) { return "stop-acquire"; }
  std::string operator()(const Scope::StartUse& effect) {
    return absl::StrCat("use:", effect.use->call_id);
  }
  std::string operator()(const Scope::StopUse& effect) {
    return absl::StrCat("stop-use:", effect.call_id);
  }
  std::string operator()(const Scope::StartGrace& effect) {
    return absl::StrCat("grace:", effect.number);
  }
  std::string operator()(const Scope::EndLease& effect) {
    return absl::StrCat("end:", ExitReasonName(effect.cause.reason));
  }
  std::string operator()(const Scope::SendEvent& effect) {
    return PhaseName(effect.event->phase);
  }
  std::string operator()(const Scope::SendEntered&) { return "entered"; }
  std::string operator()(const Scope::SendUsed& effect) {
    return absl::StrCat("used:", effect.use->call_id, ":",
                        StatusWord(effect.use->result.status()));
  }
  std::string operator()(const Scope::SendExited& effect) {
    return absl::StrCat("exited:", ExitReasonName(effect.receipt->reason));
  }
  std::string operator()(const Scope::Finish& effect) {
    return absl::StrCat("finish:", StatusWord(effect.status));
  }
};

class ScopeTest : public LifecycleTest {
 protected:
  ScopeTest() { Serve(kNoHooks); }

  std::string Do(Scope::Input input) {
    std::vector<std::string> words;
    for (const Scope::Effect& effect : scope_.Handle(std::move(input))) {
      words.push_back(std::visit(Words(), effect));
    }
    return absl::StrJoin(words, " ");
  }
  std::string AcquireIt(absl::Duration grace = absl::ZeroDuration(),
                        const std::string& request_id = "") {
    auto acquire = std::make_unique<Scope::AcquireRequested>();
    acquire->resource = "r";
    acquire->options.request = request_id;
    acquire->disconnect_grace = grace;
    return Do(std::move(acquire));
  }
  std::string Entered() { return Do(Scope::Acquired{Acquire()}); }
  std::string Use(std::uint64_t id) {
    return Do(std::make_unique<Scope::Use>(id, "m"));
  }
  std::string Used(std::uint64_t id,
                   absl::StatusOr<Payload> result = Payload()) {
    auto use = std::make_unique<Scope::Use>(id);
    use->result = std::move(result);
    return Do(Scope::UseEnded{std::move(use)});
  }
  std::string ReleaseIt() { return Do(Scope::ReleaseRequested{}); }
  std::string Ended(ExitReason reason) {
    auto receipt = std::make_shared<Receipt>();
    receipt->reason = reason;
    return Do(Scope::LeaseEnded{std::move(receipt)});
  }
  std::string Event(Phase phase, std::uint64_t sequence = 0) {
    auto event = std::make_unique<lifecycle::Event>();
    event->phase = phase;
    event->sequence = sequence;
    return Do(Scope::Happened{std::move(event)});
  }

  Scope scope_;
};

}  // namespace anteroom::lifecycle

#endif  // ANTEROOM_TESTS_LIFECYCLE_SCOPE_TEST_H_
