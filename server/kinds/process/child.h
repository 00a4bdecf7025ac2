// Child: one program under its supervisor (supervisor/main.cc), seen from the
// server: its standard streams, its end, and what it is told.
//
// Life: Start(), then anything, until gone(): then the program has ended, all
// that it started is dead, its scratch directory is removed, every descriptor
// is closed. The loop keeps it alive until then. Nothing but an end asked for,
// or its own, brings that about: somebody has to call Stop() and await gone().
//
// Thread safety: all public methods, from any thread; those marked "on the
// loop" run on the loop's thread.
#ifndef ANTEROOM_SERVER_KINDS_PROCESS_CHILD_H_
#define ANTEROOM_SERVER_KINDS_PROCESS_CHILD_H_

#include <uv.h>

#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "re2/re2.h"
#include "server/coro/event.h"
#include "server/coro/mutex.h"
#include "server/coro/runtime.h"
#include "server/kinds/process/loop.h"
#include "server/kinds/process/output.h"

namespace anteroom::kinds {

// What to start.
struct Launch {
  // The path of anteroom-supervisor.
  std::string supervisor;
  // The program, found by PATH, and its arguments. Not empty.
  std::vector<std::string> command;
  // Added to the server's environment.
  std::vector<std::pair<std::string, std::string>> environment;
  // Where it runs. `scratch`: made before, removed after.
  std::string directory;
  bool scratch = true;
  // Looked for in its standard output; may be null.
  std::shared_ptr<const re2::RE2> match;
};

class Child : public std::enable_shared_from_this<Child> {
 public:
  static std::shared_ptr<Child> Start(coro::Runtime runtime, Loop& loop,
                                      Launch launch);

  // Set once it runs, or has ended without.
  coro::Event& started() { return started_; }
  // Set once the program has ended, or could not be started.
  coro::Event& ended() { return ended_; }
  // The same as a token. Its callbacks run on the loop, and only post.
  std::stop_token ended_token() const { return ended_stop_.get_token(); }
  // Set once nothing of it is left.
  coro::Event& gone() { return gone_; }

  // Why it ended, with its last lines; OK: it has not.
  absl::Status end() const;
  // Whether it ended with exit status 0.
  bool succeeded() const;
  // Calls `lost`, once, with end(), if it ends without having been told to.
  // False: it has ended already. `lost` runs on the loop; before gone().
  bool NotifyEnd(absl::AnyInvocable<void(absl::Status) &&> lost);

  // The program's, and its process group's; 0: it has not started.
  int pid() const;
  Output& output() { return output_; }

  // A signal to its process group.
  void Signal(int number);
  // The same, and SIGKILL to all that is left of it after `grace`. It ends as
  // asked, hence is not lost.
  void Stop(int number, absl::Duration grace);
  // One line to its standard input, answered by one of its output. UNAVAILABLE
  // INSTANCE_LOST if it ends before; RESOURCE_EXHAUSTED if it does not read.
  std::shared_ptr<Output::Answer> Request(std::string line);

  // For Start() alone.
  Child(coro::Runtime runtime, Loop& loop, Launch launch);

 private:
  enum Pipe { kInput, kOutput, kError, kControl, kPipes };

  // ---- on the loop ----
  void Spawn();
  int OpenPipes(uv_stdio_container_t (&stdio)[kPipes], int (&theirs)[kControl]);
  void StartReading();
  void OnRead(Pipe pipe, ssize_t got, const char* bytes);
  // Reads what is there at once, without waiting for the loop's next turn.
  void ReadRest(Pipe pipe);
  void OnControl(absl::string_view bytes);
  void OnSupervisorExit();
  void Say(std::string line);
  void WriteInput(std::string line,
                  const std::shared_ptr<Output::Answer>& answer);
  void Write(Pipe pipe, std::string text);
  // Notes why it ended, the first time.
  void End(absl::string_view how, bool succeeded = false);
  void Close(uv_handle_t* handle);
  void CloseIfOver();
  // Loop -> object of a handle.
  static Child& Of(void* handle);

  uv_stream_t* stream(Pipe pipe) {
    return reinterpret_cast<uv_stream_t*>(&pipes_[pipe]);
  }

  Loop& loop_;
  const Launch launch_;
  Output output_;
  coro::Event started_;
  coro::Event ended_;
  coro::Event gone_;
  std::stop_source ended_stop_;

  // Of the loop's thread.
  std::shared_ptr<Child> self_;  // while a handle is open
  uv_process_t process_;
  uv_pipe_t pipes_[kPipes];
  int open_handles_ = 0;
  bool supervisor_exited_ = false;
  bool control_ended_ = false;
  std::string heard_;

  mutable coro::Mutex mu_;
  int pid_ ABSL_GUARDED_BY(mu_) = 0;
  bool stopping_ ABSL_GUARDED_BY(mu_) = false;
  absl::Status end_ ABSL_GUARDED_BY(mu_);
  bool succeeded_ ABSL_GUARDED_BY(mu_) = false;
  absl::AnyInvocable<void(absl::Status) &&> lost_ ABSL_GUARDED_BY(mu_);
};

}  // namespace anteroom::kinds

#endif  // ANTEROOM_SERVER_KINDS_PROCESS_CHILD_H_
