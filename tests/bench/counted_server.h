// A server that runs under callgrind: this program once more, which is told
// when to count.
#ifndef ANTEROOM_TESTS_BENCH_COUNTED_SERVER_H_
#define ANTEROOM_TESTS_BENCH_COUNTED_SERVER_H_

#include <cstdint>
#include <string>
#include <vector>

#include "tests/bench/process.h"

namespace anteroom::bench {

// Thread safety: used by one thread.
class CountedServer {
 public:
  // Runs this program, with `arguments` and --control=DESCRIPTOR, which makes
  // it call BeCounted() and serve. callgrind writes to `file`.NUMBER.
  CountedServer(const std::string& file,
                const std::vector<std::string>& arguments);
  CountedServer(const CountedServer&) = delete;
  CountedServer& operator=(const CountedServer&) = delete;
  ~CountedServer();

  const std::string& address() const { return process_.address; }

  // Blocks until no thread, of the server and of this program, has anything to
  // do. So each call begins alike, whoever was quicker at the end of the last.
  void AwaitIdle() const;

  void Begin();
  // Ends the count that was begun; the file with what callgrind counted.
  std::string End();

 private:
  void Tell(char command) const;

  const std::string file_;
  int control_ = -1;
  Process process_;
  int dumps_ = 0;
};

// Begins to count when told so at `control`. What this program does is done on
// one core from now on. REQUIRES: it has no other thread yet.
void BeCounted(int control);

}  // namespace anteroom::bench

#endif  // ANTEROOM_TESTS_BENCH_COUNTED_SERVER_H_
