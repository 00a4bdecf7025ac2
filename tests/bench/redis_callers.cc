// hiredis is not thread-safe: all of it happens on one thread, that of a loop
// of libuv which all callers share and keep.
#include <hiredis/adapters/libuv.h>
#include <hiredis/async.h>
#include <hiredis/hiredis.h>
#include <uv.h>

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/synchronization/notification.h"
#include "server/coro/check.h"
#include "tests/bench/channels.h"
#include "tests/bench/messages.h"
#include "tests/bench/scope_callers.h"

namespace anteroom::bench {
namespace {

// libuv's loop on a thread of its own, and connections that it serves.
//
// Thread safety: Post() from any thread, the rest from the loop's.
class RedisLoop {
 public:
  RedisLoop(const std::string& host, int port, int connections) {
    ANTEROOM_CHECK(uv_loop_init(&loop_) == 0);
    posted_signal_.data = this;
    uv_async_init(&loop_, &posted_signal_, [](uv_async_t* signal) {
      static_cast<RedisLoop*>(signal->data)->RunPosted();
    });
    for (int i = 0; i < connections; ++i) {
      redisAsyncContext* const context = redisAsyncConnect(host.c_str(), port);
      if (context == nullptr || context->err != 0) {
        Fail("cannot connect to Redis");
      }
      redisLibuvAttach(context, &loop_);
      contexts_.push_back(context);
    }
    thread_ = std::thread([this] { uv_run(&loop_, UV_RUN_DEFAULT); });
  }
  RedisLoop(const RedisLoop&) = delete;
  RedisLoop& operator=(const RedisLoop&) = delete;
  ~RedisLoop() {
    Post([this] {
      for (redisAsyncContext* const context : contexts_) {
        redisAsyncDisconnect(context);
      }
      uv_close(reinterpret_cast<uv_handle_t*>(&posted_signal_), nullptr);
    });
    thread_.join();
    uv_loop_close(&loop_);
  }

  redisAsyncContext* connection(int number) const {
    return contexts_[static_cast<std::size_t>(number) % contexts_.size()];
  }
  bool IsHere() const { return std::this_thread::get_id() == thread_.get_id(); }

  void Post(std::function<void()> function) {
    {
      const std::lock_guard<std::mutex> lock(mu_);
      posted_.push_back(std::move(function));
    }
    uv_async_send(&posted_signal_);
  }

 private:
  void RunPosted() {
    std::vector<std::function<void()>> posted;
    {
      const std::lock_guard<std::mutex> lock(mu_);
      posted.swap(posted_);
    }
    for (const auto& function : posted) function();
  }

  uv_loop_t loop_;
  uv_async_t posted_signal_;
  std::vector<redisAsyncContext*> contexts_;
  std::mutex mu_;
  std::vector<std::function<void()>> posted_;
  std::thread thread_;
};

class RedisCaller : public Caller {
 public:
  RedisCaller(std::shared_ptr<RedisLoop> loop, int number)
      : loop_(std::move(loop)),
        context_(loop_->connection(number)),
        key_(absl::StrCat("object/", number)),
        milliseconds_(absl::StrCat(kTtlSeconds * 1000)) {}

 private:
  static constexpr char kToken[] = "0123456789abcdef";

  void Begin() override {
    if (loop_->IsHere()) {
      Set();
    } else {
      loop_->Post([this] { Set(); });
    }
  }
  void Set() {
    Send({"SET", key_, kToken, "NX", "PX", milliseconds_},
         [](redisAsyncContext*, void* reply, void* caller) {
           CheckText(reply, "OK");
           static_cast<RedisCaller*>(caller)->Get();
         });
  }
  void Get() {
    Send({"GET", key_}, [](redisAsyncContext*, void* reply, void* caller) {
      CheckText(reply, kToken);
      static_cast<RedisCaller*>(caller)->Delete();
    });
  }
  void Delete() {
    Send({"DEL", key_}, [](redisAsyncContext*, void* reply, void* caller) {
      const auto* const deleted = static_cast<const redisReply*>(reply);
      if (deleted == nullptr || deleted->integer != 1) Fail("DEL failed");
      static_cast<RedisCaller*>(caller)->Done();
    });
  }

  void Send(std::initializer_list<absl::string_view> words,
            redisCallbackFn* answered) {
    const char* arguments[6];
    std::size_t sizes[6];
    int count = 0;
    for (const absl::string_view word : words) {
      arguments[count] = word.data();
      sizes[count++] = word.size();
    }
    const int sent = redisAsyncCommandArgv(context_, answered, this, count,
                                           arguments, sizes);
    if (sent != REDIS_OK) Fail("Redis is gone");
  }
  static void CheckText(const void* reply, absl::string_view wanted) {
    const auto* const text = static_cast<const redisReply*>(reply);
    if (text == nullptr || text->str == nullptr ||
        absl::string_view(text->str, text->len) != wanted) {
      Fail(absl::StrCat("Redis did not answer '", wanted, "'"));
    }
  }

  const std::shared_ptr<RedisLoop> loop_;
  redisAsyncContext* const context_;
  const std::string key_;
  const std::string milliseconds_;
};

Callers Open(const std::string& redis, int width, int connections) {
  const std::pair<std::string, std::string> address =
      absl::StrSplit(redis, absl::MaxSplits(':', 1));
  const auto loop = std::make_shared<RedisLoop>(
      address.first, std::stoi(address.second), connections);
  Callers callers;
  for (int i = 0; i < width; ++i) {
    callers.push_back(std::make_unique<RedisCaller>(loop, i));
  }
  return callers;
}

}  // namespace

Callers OpenRedisScopes(const std::string& redis, int width) {
  return Open(redis, width, ConnectionsFor(width));
}

Callers OpenRedisScopesApart(const std::string& redis, int width) {
  return Open(redis, width, width);
}

}  // namespace anteroom::bench
