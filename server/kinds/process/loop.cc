#include "server/kinds/process/loop.h"

#include <csignal>
#include <utility>

#include "server/coro/check.h"

namespace anteroom::kinds {

Loop::Loop() {
  ANTEROOM_CHECK(uv_loop_init(&loop_) == 0);
  posted_.data = this;
  ANTEROOM_CHECK(uv_async_init(&loop_, &posted_, [](uv_async_t* posted) {
                   static_cast<Loop*>(posted->data)->RunPosted();
                 }) == 0);
  thread_ = std::thread([this] {
    // A program that reads no more is an error of a write, no signal.
    sigset_t pipe;
    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &pipe, nullptr);
    uv_run(&loop_, UV_RUN_DEFAULT);
  });
}

Loop::~Loop() {
  {
    coro::MutexLock lock(mu_);
    stopping_ = true;
  }
  uv_async_send(&posted_);
  thread_.join();
  ANTEROOM_CHECK(uv_loop_close(&loop_) == 0);
}

void Loop::Post(coro::Work work) {
  {
    coro::MutexLock lock(mu_);
    work_.push_back(std::move(work));
  }
  uv_async_send(&posted_);
}

void Loop::RunPosted() {
  std::vector<coro::Work> work;
  bool stopping = false;
  {
    coro::MutexLock lock(mu_);
    work.swap(work_);
    stopping = stopping_;
  }
  for (coro::Work& piece : work) std::move(piece)();
  // The loop then runs until the last handle is closed.
  if (stopping && !uv_is_closing(reinterpret_cast<uv_handle_t*>(&posted_))) {
    uv_close(reinterpret_cast<uv_handle_t*>(&posted_), nullptr);
  }
}

}  // namespace anteroom::kinds
