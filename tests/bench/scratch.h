// A folder that is gone once this program has ended, however it does.
#ifndef ANTEROOM_TESTS_BENCH_SCRATCH_H_
#define ANTEROOM_TESTS_BENCH_SCRATCH_H_

#include <string>

namespace anteroom::bench {

class Scratch {
 public:
  // A new folder in `parent`. Forks a process that waits for this one to end,
  // and for all that it has started since, and then removes it. REQUIRES: gRPC
  // has begun nothing yet.
  explicit Scratch(const std::string& parent);
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;

  const std::string& path() const { return path_; }
  // A new file of this content; its path.
  std::string Write(const std::string& name, const std::string& content) const;

 private:
  std::string path_;
};

}  // namespace anteroom::bench

#endif  // ANTEROOM_TESTS_BENCH_SCRATCH_H_
