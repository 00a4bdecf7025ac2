// The server as a program: flags -> config -> kinds -> pools -> server ->
// signal -> drain. main.cc runs it as it is; a program of one's own runs it
// with kinds of its own (server/kinds/README.md).
#ifndef ANTEROOM_SERVER_RUN_H_
#define ANTEROOM_SERVER_RUN_H_

#include "server/config/build.h"

namespace anteroom {

// Serves until SIGTERM or SIGINT, and drains. `custom`: the kinds that
// resources with `custom { kind: ... }` may be of.
//
// The program's exit status: 0; 1 if the drain was forced (then it does not
// return, the process ends); 2 for bad flags or a bad configuration, after one
// line on stderr. Blocks these two signals in all threads. REQUIRES: the
// process has no other threads yet; once.
int Run(int argc, char** argv, const config::CustomKinds& custom = {});

}  // namespace anteroom

#endif  // ANTEROOM_SERVER_RUN_H_
