#include "server/kinds/process/exchange.h"

#include <netinet/in.h>
#include <uv.h>

#include <cstring>
#include <memory>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "server/coro/event.h"

namespace anteroom::kinds {
namespace {

constexpr std::size_t kMaxLineBytes = 1'024;

// All but `closed` and `answer`, which is written before `closed`, is of the
// loop's thread.
class Exchange : public std::enable_shared_from_this<Exchange> {
 public:
  Exchange(coro::Runtime runtime, Loop& loop, int port, std::string question)
      : closed(runtime),
        loop_(loop),
        port_(port),
        question_(std::move(question)) {}

  void Start() {
    self_ = shared_from_this();
    tcp_.data = connect_.data = write_.data = this;
    uv_tcp_init(loop_.uv(), &tcp_);
    sockaddr_in address;
    uv_ip4_addr("127.0.0.1", port_, &address);
    const int failed = uv_tcp_connect(
        &connect_, &tcp_, reinterpret_cast<const sockaddr*>(&address),
        [](uv_connect_t* connect, int status) {
          static_cast<Exchange*>(connect->data)->OnConnected(status);
        });
    if (failed != 0) End(Failure(failed));
  }

  // Ends it with `result`, the first time.
  void End(absl::StatusOr<std::string> result) {
    auto* const handle = reinterpret_cast<uv_handle_t*>(&tcp_);
    if (uv_is_closing(handle)) return;
    answer = std::move(result);
    uv_close(handle, [](uv_handle_t* closing) {
      auto* const exchange = static_cast<Exchange*>(closing->data);
      exchange->closed.Set();
      exchange->self_.reset();  // may be the last: touch nothing
    });
  }

  coro::Event closed;
  absl::StatusOr<std::string> answer;

 private:
  static absl::Status Failure(int error) {
    return absl::UnavailableError(uv_strerror(error));
  }
  uv_stream_t* stream() { return reinterpret_cast<uv_stream_t*>(&tcp_); }

  // TCP connects a port that nobody listens on to itself, if it happens to be
  // its own.
  bool IsItsOwnPeer() const {
    sockaddr_in ends[2] = {};
    int bytes[2] = {sizeof(ends[0]), sizeof(ends[1])};
    uv_tcp_getsockname(&tcp_, reinterpret_cast<sockaddr*>(&ends[0]), &bytes[0]);
    uv_tcp_getpeername(&tcp_, reinterpret_cast<sockaddr*>(&ends[1]), &bytes[1]);
    return ends[0].sin_port == ends[1].sin_port;
  }

  void OnConnected(int status) {
    if (status == UV_ECANCELED) return;  // by End()
    if (status != 0) return End(Failure(status));
    if (IsItsOwnPeer()) return End(Failure(UV_ECONNREFUSED));
    if (question_.empty()) return End(std::string());
    const uv_buf_t buffer = uv_buf_init(question_.data(), question_.size());
    uv_write(&write_, stream(), &buffer, 1, nullptr);
    uv_read_start(
        stream(),
        [](uv_handle_t* handle, std::size_t, uv_buf_t* into) {
          *into = static_cast<Exchange*>(handle->data)->loop_.read_buffer();
        },
        [](uv_stream_t* from, ssize_t got, const uv_buf_t* bytes) {
          static_cast<Exchange*>(from->data)->OnRead(got, bytes->base);
        });
  }

  void OnRead(ssize_t got, const char* bytes) {
    if (got == 0) return;
    if (got < 0) return End(Failure(static_cast<int>(got)));
    heard_.append(bytes, static_cast<std::size_t>(got));
    const std::size_t end = heard_.find_first_of("\r\n");
    if (end != std::string::npos) return End(heard_.substr(0, end));
    if (heard_.size() > kMaxLineBytes) {
      End(absl::UnavailableError("its answer begins with no line"));
    }
  }

  Loop& loop_;
  const int port_;
  std::string question_;
  std::string heard_;
  std::shared_ptr<Exchange> self_;  // while the handle is open
  uv_tcp_t tcp_;
  uv_connect_t connect_;
  uv_write_t write_;
};

}  // namespace

coro::Task<absl::StatusOr<std::string>> Ask(coro::Runtime runtime, Loop& loop,
                                            int port, std::string question,
                                            std::stop_token stop,
                                            coro::Instant deadline) {
  const auto exchange =
      std::make_shared<Exchange>(runtime, loop, port, std::move(question));
  loop.Post([exchange] { exchange->Start(); });
  coro::Task<coro::Wake> wait = exchange->closed.Wait(stop, deadline);
  const coro::Wake wake = co_await std::move(wait);
  if (wake != coro::Wake::kSignalled) {
    const absl::Status why =
        wake == coro::Wake::kCancelled
            ? absl::CancelledError("stopped while it waited for an answer")
            : absl::DeadlineExceededError("it does not answer");
    loop.Post([exchange, why] { exchange->End(why); });
    coro::Task<coro::Wake> closing = exchange->closed.Wait();
    co_await std::move(closing);
  }
  co_return exchange->answer;
}

}  // namespace anteroom::kinds
