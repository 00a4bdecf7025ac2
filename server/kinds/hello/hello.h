// Kind `hello`: the object of the article, with knobs. It is what clients and
// policies are tried with: it can be slow, fail, suppress, report progress.
//
//   style              hooks               article
//   kPlain             none                program 1
//   kAwaitable         Init                program 2
//   kContext           Init, Enter, Exit   program 3: enter awaits nothing
//   kEnterAwaitsInit   Init, Enter, Exit   program 4: enter awaits the init
//
// Each has Check, and Close where close_takes is set.
//
// Methods: `a_method` answers JSON "a_method"; `echo` answers its argument;
// `sleep` takes seconds and answers nothing; `fail` takes the name of a
// canonical code and fails with it; `count`, a stream, takes N and answers 0 to
// N - 1.
//
// Thread safety: as lifecycle/resource.h demands.
#ifndef ANTEROOM_SERVER_KINDS_HELLO_HELLO_H_
#define ANTEROOM_SERVER_KINDS_HELLO_HELLO_H_

#include <atomic>
#include <memory>

#include "absl/time/time.h"
#include "server/coro/runtime.h"
#include "server/lifecycle/resource.h"

namespace anteroom::kinds {

enum class HelloStyle { kPlain, kAwaitable, kContext, kEnterAwaitsInit };

struct HelloParameters {
  HelloStyle style = HelloStyle::kEnterAwaitsInit;
  // How long each hook takes; use_takes is added to every method.
  absl::Duration init_takes;
  absl::Duration enter_takes;
  absl::Duration use_takes;
  absl::Duration exit_takes;
  // More than 0 gives the object a Close hook.
  absl::Duration close_takes;
  // The first so many of the resource fail: inits with UNAVAILABLE, enters,
  // exits and checks with INTERNAL.
  int init_fails = 0;
  int enter_fails = 0;
  int exit_fails = 0;
  int check_fails = 0;
  // Exit takes the body's error upon itself.
  bool suppress = false;
  // Init reports its progress that many times.
  int progress_steps = 0;
};

class Hello : public lifecycle::Kind {
 public:
  Hello(coro::Runtime runtime, const HelloParameters& parameters);

  lifecycle::Hooks hooks() const override { return hooks_; }
  std::unique_ptr<lifecycle::Object> Construct(
      const lifecycle::InstanceInfo& info,
      lifecycle::InstanceContext&) override;

 private:
  friend class HelloObject;

  const coro::Runtime runtime_;
  const HelloParameters parameters_;
  const lifecycle::Hooks hooks_;
  // Failures still to come, over all objects of the resource.
  std::atomic<int> init_fails_;
  std::atomic<int> enter_fails_;
  std::atomic<int> exit_fails_;
  std::atomic<int> check_fails_;
};

}  // namespace anteroom::kinds

#endif  // ANTEROOM_SERVER_KINDS_HELLO_HELLO_H_
