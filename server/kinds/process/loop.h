// Loop: a libuv loop on a thread of its own. All handles of all process
// resources live there; what comes of them reaches coroutines by posts to the
// executor.
//
// Destruction: joins the thread. REQUIRES that every handle on it is closed, or
// about to be without anybody's doing.
//
// Thread safety: Post() from any thread; uv() and read_buffer() on the loop's.
#ifndef ANTEROOM_SERVER_KINDS_PROCESS_LOOP_H_
#define ANTEROOM_SERVER_KINDS_PROCESS_LOOP_H_

#include <uv.h>

#include <array>
#include <thread>
#include <vector>

#include "server/coro/executor.h"
#include "server/coro/mutex.h"

namespace anteroom::kinds {

class Loop {
 public:
  Loop();
  ~Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  // Runs `work` on the loop's thread, in the order of the posts. It must not
  // block.
  void Post(coro::Work work);

  uv_loop_t* uv() { return &loop_; }
  // Where a stream reads into: libuv reads and calls back in one go, so that
  // one will do for all.
  uv_buf_t read_buffer() {
    return uv_buf_init(read_buffer_.data(), read_buffer_.size());
  }

 private:
  static constexpr std::size_t kReadBytes = 64 << 10;

  void RunPosted();

  uv_loop_t loop_;
  uv_async_t posted_;
  std::array<char, kReadBytes> read_buffer_;
  coro::Mutex mu_;
  std::vector<coro::Work> work_ ABSL_GUARDED_BY(mu_);
  bool stopping_ ABSL_GUARDED_BY(mu_) = false;
  std::thread thread_;  // last: starts when all else is built
};

}  // namespace anteroom::kinds

#endif  // ANTEROOM_SERVER_KINDS_PROCESS_LOOP_H_
