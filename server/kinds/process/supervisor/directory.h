// The scratch directory of a program.
#ifndef ANTEROOM_SERVER_KINDS_PROCESS_SUPERVISOR_DIRECTORY_H_
#define ANTEROOM_SERVER_KINDS_PROCESS_SUPERVISOR_DIRECTORY_H_

#include <string>

namespace anteroom::kinds::supervisor {

// Removes it with all that is in it, also what the program made unwritable.
// Follows no link. Nothing happens if it is not there.
// REQUIRES: the program, and all it started, have ended.
void RemoveDirectory(const std::string& path);

}  // namespace anteroom::kinds::supervisor

#endif  // ANTEROOM_SERVER_KINDS_PROCESS_SUPERVISOR_DIRECTORY_H_
