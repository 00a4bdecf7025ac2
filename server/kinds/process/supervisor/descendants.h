// What a subreaper does with what is left below it.
//
// A process that outlives its parent becomes the child of the nearest
// subreaper above. So while a subreaper has a child, its descendants can be
// found, and once it has none, nothing is below it.
//
// Thread safety: for a program of one thread, with SIGCHLD blocked.
#ifndef ANTEROOM_SERVER_KINDS_PROCESS_SUPERVISOR_DESCENDANTS_H_
#define ANTEROOM_SERVER_KINDS_PROCESS_SUPERVISOR_DESCENDANTS_H_

#include <sys/types.h>

#include <vector>

namespace anteroom::kinds::supervisor {

// Every process below this one, as far as /proc shows them.
std::vector<pid_t> Descendants();

// SIGKILL to all below this process, again and again, until none is left; reaps
// them. Leaves alone what it may not kill (a program with another user's
// rights).
// REQUIRES: this process is a subreaper.
void KillDescendants();

}  // namespace anteroom::kinds::supervisor

#endif  // ANTEROOM_SERVER_KINDS_PROCESS_SUPERVISOR_DESCENDANTS_H_
