// What all process resources of a server share.
//
// Thread safety: that of its parts. Destruction: REQUIRES that no program is
// left (Loop).
#ifndef ANTEROOM_SERVER_KINDS_PROCESS_PROCESS_HOST_H_
#define ANTEROOM_SERVER_KINDS_PROCESS_PROCESS_HOST_H_

#include <string>

#include "server/coro/random.h"
#include "server/kinds/process/loop.h"
#include "server/kinds/process/ports.h"

namespace anteroom::kinds {

struct ProcessHost {
  // `supervisor`: the path of anteroom-supervisor. Empty: it lies beside this
  // process's own program.
  explicit ProcessHost(coro::Random& random, std::string supervisor = "");

  const std::string supervisor;
  // Where scratch directories are made: TMPDIR, or /tmp.
  const std::string directories;
  Ports ports;
  Loop loop;
};

}  // namespace anteroom::kinds

#endif  // ANTEROOM_SERVER_KINDS_PROCESS_PROCESS_HOST_H_
