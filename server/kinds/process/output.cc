#include "server/kinds/process/output.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

namespace anteroom::kinds {

bool Output::Matches(Stream stream, const std::string& text) const {
  return match_ != nullptr && stream == Stream::kOutput && !matched_.is_set() &&
         re2::RE2::PartialMatch(text, *match_);
}

void Output::EndLine(Stream stream, std::string text,
                     std::vector<std::shared_ptr<Answer>>& answered) {
  if (stream == Stream::kOutput && !answers_.empty()) {
    answers_.front()->result = text;
    answered.push_back(std::move(answers_.front()));
    answers_.pop_front();
  }
  if (text.size() > kKeptLineBytes) text.resize(kKeptLineBytes);
  kept_bytes_ += text.size() + 1;
  lines_.push_back(Line{++last_number_, stream, std::move(text)});
  while (kept_bytes_ > kKeptBytes) {
    kept_bytes_ -= lines_.front().text.size() + 1;
    lines_.pop_front();
  }
}

void Output::Append(Stream stream, absl::string_view bytes) {
  std::vector<std::shared_ptr<Answer>> answered;
  Waiters readers;
  bool matched = false;
  {
    coro::MutexLock lock(mu_);
    std::string& unended = unended_[static_cast<int>(stream)];
    while (!bytes.empty()) {
      const std::size_t end = bytes.find('\n');
      const std::size_t length = std::min(end, bytes.size());
      const std::size_t room = kLineBytes - unended.size();
      unended.append(bytes.data(), std::min(length, room));
      const bool ends = end != absl::string_view::npos && length <= room;
      bytes.remove_prefix(std::min(length, room) + (ends ? 1 : 0));
      if (!ends && unended.size() < kLineBytes) break;
      matched = matched || Matches(stream, unended);
      EndLine(stream, std::exchange(unended, {}), answered);
      readers.splice(readers.end(), readers_);
    }
  }
  if (matched) matched_.Set();
  for (const auto& answer : answered) answer->done.Set();
  for (const auto& reader : readers) reader->Signal();
}

void Output::Close(const absl::Status& why) {
  std::vector<std::shared_ptr<Answer>> answered;
  Waiters readers;
  {
    coro::MutexLock lock(mu_);
    if (closed_) return;
    closed_ = true;
    why_ = why;
    // Before the lines end: half a line is nobody's answer.
    for (std::shared_ptr<Answer>& answer : answers_) {
      answer->result = why;
      answered.push_back(std::move(answer));
    }
    answers_.clear();
    for (const Stream stream : {Stream::kOutput, Stream::kError}) {
      std::string& unended = unended_[static_cast<int>(stream)];
      if (!unended.empty()) {
        EndLine(stream, std::exchange(unended, {}), answered);
      }
    }
    readers.swap(readers_);
  }
  for (const auto& answer : answered) answer->done.Set();
  for (const auto& reader : readers) reader->Signal();
}

std::vector<Output::Line> Output::From(std::uint64_t number) const {
  const auto first = std::lower_bound(
      lines_.begin(), lines_.end(), number,
      [](const Line& line, std::uint64_t from) { return line.number < from; });
  return {first, lines_.end()};
}

coro::Task<std::vector<Output::Line>> Output::Read(std::uint64_t from,
                                                   std::stop_token stop) {
  while (true) {
    auto reader = std::make_shared<coro::Waiter>(runtime_);
    {
      coro::MutexLock lock(mu_);
      std::vector<Line> lines = From(from);
      if (!lines.empty() || closed_) co_return lines;
      readers_.push_back(reader);
    }
    const coro::Wake wake = co_await reader->Wait(stop, coro::kNever);
    if (wake == coro::Wake::kSignalled) continue;
    coro::MutexLock lock(mu_);
    readers_.remove(reader);
    co_return std::vector<Line>();
  }
}

std::uint64_t Output::next_number() const {
  coro::MutexLock lock(mu_);
  return last_number_ + 1;
}

std::string Output::Tail(std::size_t bytes) const {
  coro::MutexLock lock(mu_);
  if (!lines_.empty() && lines_.back().text.size() >= bytes) {
    const std::string& last = lines_.back().text;
    return absl::StrCat(last.substr(last.size() - bytes + 1), "\n");
  }
  auto first = lines_.end();
  while (first != lines_.begin() && std::prev(first)->text.size() < bytes) {
    --first;
    bytes -= first->text.size() + 1;
  }
  std::string tail;
  for (; first != lines_.end(); ++first)
    absl::StrAppend(&tail, first->text, "\n");
  return tail;
}

std::shared_ptr<Output::Answer> Output::Expect() {
  auto answer = std::make_shared<Answer>(runtime_);
  {
    coro::MutexLock lock(mu_);
    if (!closed_) {
      answers_.push_back(answer);
      return answer;
    }
    answer->result = why_;
  }
  answer->done.Set();
  return answer;
}

void Output::Withdraw(const std::shared_ptr<Answer>& answer, absl::Status why) {
  {
    coro::MutexLock lock(mu_);
    const auto place = std::find(answers_.begin(), answers_.end(), answer);
    if (place == answers_.end()) return;
    answers_.erase(place);
    answer->result = std::move(why);
  }
  answer->done.Set();
}

std::size_t Output::expected() const {
  coro::MutexLock lock(mu_);
  return answers_.size();
}

}  // namespace anteroom::kinds
