#include "server/kinds/process/child.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <limits>

#include "absl/strings/str_cat.h"
#include "server/coro/check.h"
#include "server/error/error.h"
#include "server/kinds/process/child_messages.h"

namespace anteroom::kinds {
namespace {

// Of the last lines, as many as an error on the wire holds.
constexpr std::size_t kTailBytes = 1'024;
// What may lie unread in a program's standard input.
constexpr std::size_t kMaxInputBytes = 1 << 20;
// What is read of a program that ended; more than a pipe holds.
constexpr std::size_t kMaxRestBytes = 1 << 20;
constexpr absl::Duration kMaxGrace = absl::Hours(24 * 365);

struct WriteRequest {
  uv_write_t request;
  std::string text;
};

}  // namespace

std::shared_ptr<Child> Child::Start(coro::Runtime runtime, Loop& loop,
                                    Launch launch) {
  ANTEROOM_CHECK(!launch.command.empty());
  auto child = std::make_shared<Child>(runtime, loop, std::move(launch));
  loop.Post([child] { child->Spawn(); });
  return child;
}

Child::Child(coro::Runtime runtime, Loop& loop, Launch launch)
    : loop_(loop),
      launch_(std::move(launch)),
      output_(runtime, launch_.match),
      started_(runtime),
      ended_(runtime),
      gone_(runtime) {}

absl::Status Child::end() const {
  coro::MutexLock lock(mu_);
  return end_;
}

bool Child::succeeded() const {
  coro::MutexLock lock(mu_);
  return succeeded_;
}

bool Child::NotifyEnd(absl::AnyInvocable<void(absl::Status) &&> lost) {
  coro::MutexLock lock(mu_);
  if (!end_.ok()) return false;
  lost_ = std::move(lost);
  return true;
}

int Child::pid() const {
  coro::MutexLock lock(mu_);
  return pid_;
}

void Child::Signal(int number) {
  loop_.Post([self = shared_from_this(), number] {
    self->Say(absl::StrCat("signal ", number));
  });
}

void Child::Stop(int number, absl::Duration grace) {
  {
    coro::MutexLock lock(mu_);
    stopping_ = true;
  }
  const std::int64_t milliseconds =
      absl::ToInt64Milliseconds(std::min(grace, kMaxGrace));
  loop_.Post([self = shared_from_this(), number, milliseconds] {
    self->Say(absl::StrCat("stop ", number, " ", milliseconds));
  });
}

std::shared_ptr<Output::Answer> Child::Request(std::string line) {
  // Lines are written in the order in which their answers are expected.
  coro::MutexLock lock(mu_);
  std::shared_ptr<Output::Answer> answer = output_.Expect();
  loop_.Post([self = shared_from_this(), line = std::move(line),
              answer]() mutable { self->WriteInput(std::move(line), answer); });
  return answer;
}

// ---- on the loop ----

Child& Child::Of(void* handle) {
  return *static_cast<Child*>(static_cast<uv_handle_t*>(handle)->data);
}

// Real pipes, not libuv's sockets: a program may open /dev/stdout.
int Child::OpenPipes(uv_stdio_container_t (&stdio)[kPipes],
                     int (&theirs)[kControl]) {
  for (const Pipe pipe : {kInput, kOutput, kError}) {
    const bool reads = pipe == kInput;  // the program does
    uv_file ends[2];
    const int failed = uv_pipe(ends, reads ? 0 : UV_NONBLOCK_PIPE,
                               reads ? UV_NONBLOCK_PIPE : 0);
    if (failed != 0) return failed;
    theirs[pipe] = ends[reads ? 0 : 1];
    stdio[pipe].flags = UV_INHERIT_FD;
    stdio[pipe].data.fd = theirs[pipe];
    const int opened = uv_pipe_open(&pipes_[pipe], ends[reads ? 1 : 0]);
    if (opened != 0) {
      close(ends[reads ? 1 : 0]);
      return opened;
    }
  }
  stdio[kControl].flags = static_cast<uv_stdio_flags>(
      UV_CREATE_PIPE | UV_READABLE_PIPE | UV_WRITABLE_PIPE);
  stdio[kControl].data.stream = stream(kControl);
  return 0;
}

void Child::Spawn() {
  self_ = shared_from_this();
  process_.data = this;
  uv_stdio_container_t stdio[kPipes];
  int theirs[kControl] = {-1, -1, -1};
  for (uv_pipe_t& pipe : pipes_) {
    pipe.data = this;
    uv_pipe_init(loop_.uv(), &pipe, /*ipc=*/0);
    ++open_handles_;
  }
  int failed = OpenPipes(stdio, theirs);
  if (failed == 0) {
    SpawnArguments arguments(launch_);
    uv_process_options_t options = {};
    options.file = launch_.supervisor.c_str();
    options.args = arguments.arguments();
    options.env = arguments.environment();
    options.stdio_count = kPipes;
    options.stdio = stdio;
    options.exit_cb = [](uv_process_t* process, std::int64_t, int) {
      Of(process).OnSupervisorExit();
    };
    failed = uv_spawn(loop_.uv(), &process_, &options);
    ++open_handles_;  // also where it failed
  }
  for (const int descriptor : theirs) {
    if (descriptor >= 0) close(descriptor);
  }
  if (failed == 0) {
    StartReading();
    return;
  }
  End(absl::StrCat("could not be started: ", launch_.supervisor, ": ",
                   uv_strerror(failed)));
  supervisor_exited_ = true;
  control_ended_ = true;
  if (open_handles_ > kPipes) Close(reinterpret_cast<uv_handle_t*>(&process_));
  CloseIfOver();
}

void Child::StartReading() {
  const auto allocate = [](uv_handle_t* handle, std::size_t, uv_buf_t* buffer) {
    *buffer = Of(handle).loop_.read_buffer();
  };
  const auto read = [](uv_stream_t* stream, ssize_t got,
                       const uv_buf_t* buffer) {
    Child& child = Of(stream);
    const auto* const pipe = reinterpret_cast<uv_pipe_t*>(stream);
    child.OnRead(static_cast<Pipe>(pipe - child.pipes_), got, buffer->base);
  };
  for (const Pipe pipe : {kOutput, kError, kControl}) {
    ANTEROOM_CHECK(uv_read_start(stream(pipe), allocate, read) == 0);
  }
}

void Child::OnRead(Pipe pipe, ssize_t got, const char* bytes) {
  if (got > 0) {
    const absl::string_view text(bytes, static_cast<std::size_t>(got));
    if (pipe == kControl) return OnControl(text);
    return output_.Append(
        pipe == kOutput ? Output::Stream::kOutput : Output::Stream::kError,
        text);
  }
  if (got == 0) return;  // nothing there after all
  uv_read_stop(stream(pipe));
  if (pipe != kControl) {
    return Close(reinterpret_cast<uv_handle_t*>(stream(pipe)));
  }
  control_ended_ = true;
  CloseIfOver();
}

void Child::ReadRest(Pipe pipe) {
  uv_os_fd_t descriptor = -1;
  auto* const handle = reinterpret_cast<uv_handle_t*>(stream(pipe));
  if (uv_is_closing(handle) || uv_fileno(handle, &descriptor) != 0) return;
  const uv_buf_t buffer = loop_.read_buffer();
  for (std::size_t all = 0; all < kMaxRestBytes;) {
    const ssize_t got = read(descriptor, buffer.base, buffer.len);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return;
    all += static_cast<std::size_t>(got);
    OnRead(pipe, got, buffer.base);
  }
}

void Child::OnControl(absl::string_view bytes) {
  heard_.append(bytes.data(), bytes.size());
  for (std::size_t end = 0; (end = heard_.find('\n')) != std::string::npos;) {
    const std::string line = heard_.substr(0, end);
    const std::optional<int> pid = ParseStarted(line);
    if (pid.has_value()) {
      {
        coro::MutexLock lock(mu_);
        pid_ = *pid;
      }
      started_.Set();
    } else {
      End(DescribeEnd(launch_, line), SaysSuccess(line));
    }
    heard_.erase(0, end + 1);
  }
}

void Child::OnSupervisorExit() {
  supervisor_exited_ = true;
  Close(reinterpret_cast<uv_handle_t*>(&process_));
  // It says how the program ended before: but it may have been killed itself.
  ReadRest(kControl);
  End("was killed with its supervisor, which ended unasked");
  CloseIfOver();
}

void Child::End(absl::string_view how, bool succeeded) {
  ReadRest(kOutput);
  ReadRest(kError);
  absl::AnyInvocable<void(absl::Status) &&> lost;
  absl::Status end;
  {
    coro::MutexLock lock(mu_);
    if (!end_.ok()) return;
    output_.Close(
        Error(Reason::kInstanceLost,
              absl::StrCat("the program ", how, " before it had answered")));
    const std::string tail = output_.Tail(kTailBytes);
    end_ = absl::UnavailableError(absl::StrCat(
        "the program ", how, tail.empty() ? "" : "; its last lines:\n", tail));
    end = end_;
    succeeded_ = succeeded;
    if (!stopping_) std::swap(lost, lost_);
  }
  if (lost) std::move(lost)(end);
  ended_stop_.request_stop();
  ended_.Set();
  started_.Set();
}

void Child::Say(std::string line) {
  absl::StrAppend(&line, "\n");
  Write(kControl, std::move(line));
}

void Child::WriteInput(std::string line,
                       const std::shared_ptr<Output::Answer>& answer) {
  if (uv_stream_get_write_queue_size(stream(kInput)) > kMaxInputBytes) {
    output_.Withdraw(answer, absl::ResourceExhaustedError(
                                 "the program does not read its standard "
                                 "input: more than 1 MiB is waiting there"));
    return;
  }
  absl::StrAppend(&line, "\n");
  Write(kInput, std::move(line));
}

void Child::Write(Pipe pipe, std::string text) {
  if (uv_is_closing(reinterpret_cast<uv_handle_t*>(stream(pipe))) ||
      !uv_is_writable(stream(pipe))) {
    return;
  }
  auto* const write = new WriteRequest{{}, std::move(text)};
  write->request.data = write;
  const uv_buf_t buffer = uv_buf_init(write->text.data(), write->text.size());
  const auto written = [](uv_write_t* request, int) {
    delete static_cast<WriteRequest*>(request->data);
  };
  if (uv_write(&write->request, stream(pipe), &buffer, 1, written) != 0) {
    delete write;
  }
}

void Child::Close(uv_handle_t* handle) {
  if (uv_is_closing(handle)) return;
  uv_close(handle, [](uv_handle_t* closed) {
    Child& child = Of(closed);
    if (--child.open_handles_ > 0) return;
    child.gone_.Set();
    child.self_.reset();  // may be the last: touch nothing
  });
}

void Child::CloseIfOver() {
  if (!supervisor_exited_ || !control_ended_) return;
  // Whoever could write is dead, so that this is all.
  ReadRest(kOutput);
  ReadRest(kError);
  for (uv_pipe_t& pipe : pipes_) Close(reinterpret_cast<uv_handle_t*>(&pipe));
}

}  // namespace anteroom::kinds
