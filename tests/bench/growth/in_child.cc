#include "tests/bench/growth/in_child.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include "server/coro/check.h"
#include "tests/bench/closed_loop.h"

namespace anteroom::bench {

Cost MeasureInChild(const std::function<Cost()>& measure) {
  int pipe_ends[2];
  ANTEROOM_CHECK(pipe2(pipe_ends, O_CLOEXEC) == 0);
  const pid_t child = fork();
  ANTEROOM_CHECK(child >= 0);
  Cost cost;
  if (child == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    cost = measure();
    _exit(write(pipe_ends[1], &cost, sizeof(cost)) == sizeof(cost) ? 0 : 1);
  }
  close(pipe_ends[1]);
  const bool told = read(pipe_ends[0], &cost, sizeof(cost)) == sizeof(cost);
  close(pipe_ends[0]);
  waitpid(child, nullptr, 0);
  if (!told) Fail("what was measured came to an end too early");
  return cost;
}

}  // namespace anteroom::bench
