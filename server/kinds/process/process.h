// Kind `process`: a program per instance, in a process group and a scratch
// directory of its own, under a supervisor (supervisor/main.cc) that leaves
// nothing of it behind, whoever dies.
//
//   hook    what it does
//   Init    takes a port, starts the command, waits until it is ready
//   Exit    runs reset_command; where that fails, or the holder left a request
//           unanswered, the object is lent no more
//   Close   stop_signal to the group, SIGKILL to all that is left after
//           stop_grace (at once when close_timeout has passed)
//   Check   whether the program runs
//
// It has no Enter: what a holder needs to know (JSON: pid, port, dir, endpoint)
// is Value(). So a waiter is bound late, and is served by whichever comes
// first, a returned object or the new one. A program that ends unasked while it
// is lent, or idle, is lost (InstanceContext::Lost).
//
// Methods:
//   request   one line to its standard input, answered by one line of its
//             standard output, in order. A JSON string is the line and is
//             answered by one; other JSON travels as its text; what is not JSON
//             is answered by bytes.
//   signal    "SIGHUP": to its process group
//   status    JSON: what Value() says, "running", "unanswered" requests
//   logs      a stream: JSON {number, stream, line} for each line of its
//             standard output and error, from what is kept (64 KiB) on, as they
//             come. Arguments: `lines`, how many of those kept (default all),
//             `follow` (default true). Numbers that are left out were lost: the
//             reader was too slow.
//
// In the command, the reset command and the environment {PORT}, {DIR}, {KEY}
// and {INSTANCE_ID} are replaced. No shell is involved; both run in {DIR}.
//
// Thread safety: as lifecycle/resource.h demands.
#ifndef ANTEROOM_SERVER_KINDS_PROCESS_PROCESS_H_
#define ANTEROOM_SERVER_KINDS_PROCESS_PROCESS_H_

#include <csignal>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "server/coro/runtime.h"
#include "server/kinds/process/process_host.h"
#include "server/kinds/process/readiness.h"
#include "server/lifecycle/resource.h"

namespace anteroom::kinds {

struct ProcessParameters {
  // The program, found by PATH, and its arguments. Not empty.
  std::vector<std::string> command;
  // Added to the server's environment.
  std::vector<std::pair<std::string, std::string>> environment;
  int stop_signal = SIGTERM;
  absl::Duration stop_grace = absl::Seconds(5);
  // Run after each lease; empty: none.
  std::vector<std::string> reset_command;
  // Whether calls of other services' methods are for its port.
  bool proxy = false;
  Readiness readiness;
};

class Process : public lifecycle::Kind {
 public:
  // `host` is shared by all process resources of a server.
  Process(coro::Runtime runtime, std::shared_ptr<ProcessHost> host,
          ProcessParameters parameters)
      : runtime_(runtime),
        host_(std::move(host)),
        parameters_(std::move(parameters)) {}

  lifecycle::Hooks hooks() const override;
  std::unique_ptr<lifecycle::Object> Construct(
      const lifecycle::InstanceInfo& info,
      lifecycle::InstanceContext& context) override;

 private:
  const coro::Runtime runtime_;
  const std::shared_ptr<ProcessHost> host_;
  const ProcessParameters parameters_;
};

}  // namespace anteroom::kinds

#endif  // ANTEROOM_SERVER_KINDS_PROCESS_PROCESS_H_
