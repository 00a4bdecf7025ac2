// A contestant whose calls h2load makes.
#ifndef ANTEROOM_TESTS_BENCH_POSTING_H_
#define ANTEROOM_TESTS_BENCH_POSTING_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/time/time.h"
#include "anteroom/v1/admin_service.grpc.pb.h"
#include "tests/bench/h2load.h"
#include "tests/bench/measure.h"
#include "tests/bench/posts.h"
#include "tests/bench/process.h"

namespace anteroom::bench {

// The status of HTTP is 200 even where gRPC's is not OK, and h2load does not
// read that. So the messages are sent once by gRPC's own client. Then, after
// each load, anteroomd's objects say how often they were used, and what a bare
// server answered has to be as many bytes as so many answers.
//
// Thread safety: used by one thread.
class Posting {
 public:
  // `width` posts at once, the body in a file of this path. Ends the program if
  // its connections cannot share them equally.
  Posting(const Process& server, Post post, int width,
          const std::string& body_file);

  // As Measure() of callers does, but for about so long: as many calls as the
  // turn before lets expect.
  Turn TakeTurn(absl::Duration run_up, absl::Duration time);

 private:
  Turn Load(absl::Duration time);
  // Method calls of the resource's objects so far.
  std::int64_t Uses();
  // That the requests were all done. `uses`: in the meantime.
  void CheckDone(std::int64_t requests, const H2loadReport& report,
                 std::int64_t uses) const;

  const Process server_;
  const Post post_;
  const int width_;
  const H2load h2load_;
  std::unique_ptr<v1::AdminService::Stub> admin_;
  std::int64_t answer_bytes_ = 0;
  double calls_a_second_ = 10'000;  // in the last turn; at first, a guess
};

}  // namespace anteroom::bench

#endif  // ANTEROOM_TESTS_BENCH_POSTING_H_
