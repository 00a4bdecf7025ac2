#include "server/rpc/byte_stream.h"

#include <utility>

#include "server/rpc/status.h"
#include "server/rpc/tsan.h"

namespace anteroom::rpc {

std::shared_ptr<ByteStream> ByteStream::Create(
    Calls& calls, grpc::CallbackServerContext& context) {
  auto stream = std::make_shared<ByteStream>(Key(), calls, context);
  coro::MutexLock lock(stream->mu_);
  stream->self_ = stream;
  return stream;
}

ByteStream::ByteStream(Key, Calls& calls, grpc::CallbackServerContext& context)
    : calls_(calls), call_(calls.runtime().clock, context), context_(context) {}

void ByteStream::OnReadDone(bool ok) {
  TsanAcquire(this);
  const std::shared_ptr<coro::Waiter> reader = incoming_.OnReadDone(ok);
  if (reader != nullptr) reader->Resume();
}

void ByteStream::Queue(grpc::ByteBuffer&& message) {
  bool too_many = false;
  {
    coro::MutexLock lock(mu_);
    if (broken_ || ended_) return;
    const bool valid = message.Valid();
    queued_bytes_ += message.Length();
    queue_.emplace_back().Swap(&message);  // to move it would copy it
    too_many = !valid || queue_.size() > calls_.options().max_queued_messages ||
               queued_bytes_ > calls_.options().max_queued_bytes;
  }
  if (too_many) CutOff();
}

void ByteStream::Flush() {
  Next next = Next::kNothing;
  {
    coro::MutexLock lock(mu_);
    next = Advance();
  }
  Start(next);
}

bool ByteStream::Exceeds(Backlog most) {
  coro::MutexLock lock(mu_);
  return !broken_ && !Fits(most);
}

coro::Task<void> ByteStream::AwaitBacklog(Backlog most, std::stop_token stop) {
  const std::shared_ptr<ByteStream> self = shared_from_this();
  while (!stop.stop_requested()) {
    std::shared_ptr<coro::Waiter> backlog;
    {
      coro::MutexLock lock(mu_);
      if (Fits(most) || broken_) co_return;
      backlog = backlog_ = std::make_shared<coro::Waiter>(calls_.runtime());
    }
    co_await backlog->Wait(stop, coro::kNever);
  }
}

void ByteStream::DropQueue() {
  queue_.clear();
  queued_bytes_ = 0;
}

void ByteStream::OnWriteDone(bool ok) {
  TsanAcquire(this);
  std::shared_ptr<coro::Waiter> backlog;
  Next next = Next::kNothing;
  {
    coro::MutexLock lock(mu_);
    writing_ = false;
    outgoing_.Clear();  // nothing may follow for long
    if (!ok) {
      broken_ = true;
      DropQueue();
    }
    next = Advance();
    backlog = std::move(backlog_);
  }
  if (backlog != nullptr) backlog->Signal();
  Start(next);
  if (!ok) call_.RequestStop();
}

void ByteStream::OnCancel() {
  TsanAcquire(this);
  Next next = Next::kNothing;
  std::shared_ptr<coro::Waiter> backlog;
  {
    coro::MutexLock lock(mu_);
    broken_ = true;
    DropQueue();
    next = Advance();
    backlog = std::move(backlog_);
  }
  if (backlog != nullptr) backlog->Signal();
  Start(next);
  call_.RequestStop();
}

void ByteStream::End(const absl::Status& status) {
  Next next = Next::kNothing;
  {
    coro::MutexLock lock(mu_);
    ended_ = true;
    final_status_ = status;
    next = Advance();
  }
  Start(next);
}

void ByteStream::OnDone() {
  TsanAcquire(this);
  std::shared_ptr<ByteStream> self;  // dies last
  coro::Timers::Id timer = coro::Timers::Id::kNone;
  {
    coro::MutexLock lock(mu_);
    self = std::move(self_);
    std::swap(timer, write_timer_);
  }
  calls_.runtime().timers.Cancel(timer);
}

ByteStream::Next ByteStream::Advance() {
  if (writing_ || finished_) return Next::kNothing;
  if (!queue_.empty()) {
    outgoing_.Swap(&queue_.front());
    queue_.pop_front();
    queued_bytes_ -= outgoing_.Length();
    writing_ = true;
    write_due_ = coro::After(calls_.runtime().clock.Now(),
                             calls_.options().write_timeout);
    const bool first = !std::exchange(begun_, true);
    if (!queue_.empty()) return first ? Next::kWrite : Next::kWriteMore;
    if (!ended_) return Next::kWrite;
    finished_ = true;
    return Next::kWriteAndFinish;
  }
  if (!ended_) return Next::kNothing;
  finished_ = true;
  return Next::kFinish;
}

void ByteStream::Start(Next next) {
  if (next == Next::kNothing) return;
  if (next == Next::kFinish) {
    TsanRelease(this);
    Finish(ToGrpcStatus(final_status_));
    return;
  }
  // Before the write is started, so before its reaction.
  WatchWrites();
  TsanRelease(this);
  grpc::WriteOptions options;
  if (next == Next::kWriteAndFinish) {
    StartWriteAndFinish(&outgoing_, options, ToGrpcStatus(final_status_));
    return;
  }
  if (next == Next::kWriteMore) options.set_buffer_hint();
  StartWrite(&outgoing_, options);
}

void ByteStream::WatchWrites() {
  coro::Instant due;
  {
    coro::MutexLock lock(mu_);
    if (std::exchange(watched_, true)) return;
    due = write_due_;
  }
  ScheduleWatch(due);
}

void ByteStream::ScheduleWatch(coro::Instant due) {
  const coro::Timers::Id timer =
      calls_.runtime().timers.Schedule(due, [weak = weak_from_this()] {
        const std::shared_ptr<ByteStream> stream = weak.lock();
        if (stream != nullptr) stream->Watch();
      });
  coro::MutexLock lock(mu_);
  write_timer_ = timer;
}

void ByteStream::Watch() {
  coro::Instant due;
  {
    coro::MutexLock lock(mu_);
    if (self_ == nullptr || !writing_) {
      watched_ = false;
      return;
    }
    due = write_due_;
  }
  if (calls_.runtime().clock.Now() < due) {
    ScheduleWatch(due);
  } else {
    CutOff();
  }
}

void ByteStream::CutOff() {
  coro::MutexLock lock(mu_);
  // After OnDone the context is gone. TryCancel only sends a message to itself:
  // OnCancel follows on another thread.
  if (self_ != nullptr && (writing_ || !finished_)) context_.TryCancel();
}

}  // namespace anteroom::rpc
