// Output: what a program wrote last, line by line, and who waits for it.
//
// Invariants:
//  1. The lines kept have at most kKeptBytes; each has a number, from 1 up,
//     without a gap. Of a longer line the first kKeptLineBytes are kept.
//  2. A line of standard output answers the oldest Expect() that has no answer
//     yet, whether or not anybody still waits for it.
//  3. What has no end of line is a line once it has kLineBytes, or no more
//     comes.
//
// Thread safety: Append() and Close() from one thread, the rest from any.
#ifndef ANTEROOM_SERVER_KINDS_PROCESS_OUTPUT_H_
#define ANTEROOM_SERVER_KINDS_PROCESS_OUTPUT_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <list>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "re2/re2.h"
#include "server/coro/event.h"
#include "server/coro/mutex.h"
#include "server/coro/runtime.h"
#include "server/coro/task.h"
#include "server/coro/waiter.h"

namespace anteroom::kinds {

class Output {
 public:
  static constexpr std::size_t kKeptBytes = 64 << 10;
  static constexpr std::size_t kKeptLineBytes = 4 << 10;
  static constexpr std::size_t kLineBytes = 1 << 20;

  enum class Stream { kOutput, kError };
  struct Line {
    std::uint64_t number = 0;
    Stream stream = Stream::kOutput;
    std::string text;
  };
  // The line that one request is answered with.
  struct Answer {
    explicit Answer(coro::Runtime runtime) : done(runtime) {}
    coro::Event done;
    absl::StatusOr<std::string> result;  // once `done`
  };

  // `match`, which may be null, is looked for in lines of standard output.
  Output(coro::Runtime runtime, std::shared_ptr<const re2::RE2> match)
      : runtime_(runtime), match_(std::move(match)), matched_(runtime) {}
  Output(const Output&) = delete;
  Output& operator=(const Output&) = delete;

  void Append(Stream stream, absl::string_view bytes);
  // Nothing more will come: answers that are still expected become `why`.
  void Close(const absl::Status& why);

  // Set once a line matched.
  coro::Event& matched() { return matched_; }

  // The lines from number `from` on that are kept; waits for one if there is
  // none. Empty: none will come, or `stop` came. Resumes on the executor if it
  // waited.
  coro::Task<std::vector<Line>> Read(std::uint64_t from, std::stop_token stop);
  // The number that the next line will have.
  std::uint64_t next_number() const;
  // The last lines, `bytes` at most, each ended.
  std::string Tail(std::size_t bytes) const;

  // Answered by the next line of standard output that is not another's.
  std::shared_ptr<Answer> Expect();
  // It will not be answered after all, because of `why`.
  void Withdraw(const std::shared_ptr<Answer>& answer, absl::Status why);
  // Lines that are expected.
  std::size_t expected() const;

 private:
  using Waiters = std::list<std::shared_ptr<coro::Waiter>>;

  void EndLine(Stream stream, std::string text,
               std::vector<std::shared_ptr<Answer>>& answered)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  std::vector<Line> From(std::uint64_t number) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  bool Matches(Stream stream, const std::string& text) const;

  const coro::Runtime runtime_;
  const std::shared_ptr<const re2::RE2> match_;
  coro::Event matched_;

  mutable coro::Mutex mu_;
  std::string unended_[2] ABSL_GUARDED_BY(mu_);  // by stream
  std::deque<Line> lines_ ABSL_GUARDED_BY(mu_);
  std::size_t kept_bytes_ ABSL_GUARDED_BY(mu_) = 0;
  std::uint64_t last_number_ ABSL_GUARDED_BY(mu_) = 0;
  bool closed_ ABSL_GUARDED_BY(mu_) = false;
  absl::Status why_ ABSL_GUARDED_BY(mu_);
  std::deque<std::shared_ptr<Answer>> answers_ ABSL_GUARDED_BY(mu_);
  Waiters readers_ ABSL_GUARDED_BY(mu_);
};

}  // namespace anteroom::kinds

#endif  // ANTEROOM_SERVER_KINDS_PROCESS_OUTPUT_H_
