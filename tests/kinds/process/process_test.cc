#include "tests/kinds/process/process_test.h"

#include <poll.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <utility>

// glibc 2.36's says nothing of C++.
extern "C" {
#include <sys/pidfd.h>
}

#include "absl/strings/str_cat.h"
#include "server/coro/check.h"
#include "server/coro/sync_wait.h"

namespace anteroom::kinds {
namespace {

namespace fs = std::filesystem;

constexpr absl::Duration kBound = absl::Seconds(40);

std::size_t OpenDescriptors() {
  // What libuv opens once and for all.
  {
    const Loop loop;
  }
  const fs::directory_iterator descriptors("/proc/self/fd");
  return static_cast<std::size_t>(
      std::distance(begin(descriptors), end(descriptors)));
}

// The parent in a file of /proc; -1 if its process has gone meanwhile.
pid_t ParentOf(const std::string& status) {
  std::ifstream file(status);
  for (std::string word; file >> word;) {
    pid_t parent = 0;
    if (word == "PPid:" && file >> parent) return parent;
  }
  return -1;
}

// This process's children that are supervisors, zombies included. (A sanitizer
// has children of its own.)
int Supervisors() {
  int count = 0;
  for (const fs::directory_entry& entry : fs::directory_iterator("/proc")) {
    std::ifstream file(entry.path() / "status");
    std::string name;
    if (file >> name >> name && name == "anteroom-superv" &&
        ParentOf(entry.path() / "status") == getpid()) {
      ++count;
    }
  }
  return count;
}

// Where this test's programs have their directories, and nobody else's.
std::string MakeFolder() {
  std::string folder = ::testing::TempDir() + "process_test_XXXXXX";
  ANTEROOM_CHECK(mkdtemp(folder.data()) != nullptr);
  setenv("TMPDIR", folder.c_str(), /*overwrite=*/1);
  return folder;
}

}  // namespace

Watched::Watched(pid_t pid) : pid_(pid), descriptor_(pidfd_open(pid, 0)) {
  EXPECT_GE(descriptor_, 0) << "process " << pid << " does not live";
}

Watched::Watched(Watched&& other) noexcept
    : pid_(other.pid_), descriptor_(std::exchange(other.descriptor_, -1)) {}

Watched::~Watched() {
  if (descriptor_ >= 0) close(descriptor_);
}

void Watched::Kill() const {
  pidfd_send_signal(descriptor_, SIGKILL, nullptr, 0);
}

bool Watched::Poll(int milliseconds) const {
  pollfd polled = {descriptor_, POLLIN, 0};
  return poll(&polled, 1, milliseconds) == 1;
}

bool Watched::ended() const { return Poll(0); }

bool Watched::AwaitEnd() const {
  return Poll(static_cast<int>(absl::ToInt64Milliseconds(kBound)));
}

pid_t ParentOf(pid_t pid) {
  const pid_t parent = ParentOf(absl::StrCat("/proc/", pid, "/status"));
  EXPECT_GE(parent, 0) << "process " << pid << " does not live";
  return parent;
}

coro::Task<absl::Status> Follower::Write(lifecycle::Payload message,
                                         std::stop_token) {
  const bool is_last = message.data.find(last_) != std::string::npos;
  outgoing.push_back(std::move(message.data));
  if (outgoing.size() == 1) began.set_value();
  if (is_last) co_return absl::CancelledError("it left");
  co_return absl::OkStatus();
}

ProcessTest::ProcessTest()
    : descriptors_before_(OpenDescriptors()),
      folder_(MakeFolder()),
      executor_(std::in_place, 2),
      timers_(std::in_place, *executor_, clock_),
      runtime_(new coro::Runtime{*executor_, *timers_, clock_, random_}),
      host_(std::make_shared<ProcessHost>(random_, ANTEROOM_SUPERVISOR)),
      anteroom_(std::make_unique<lifecycle::Anteroom>(
          *runtime_, lifecycle::Anteroom::Options())) {
  anteroom_->Start();
}

ProcessTest::~ProcessTest() {
  if (!drained_) Drain();
  EXPECT_THAT(Directories(), ::testing::IsEmpty());
  sinks_.clear();
  timers_->Stop();
  executor_->Stop();
  anteroom_.reset();
  host_.reset();
  timers_.reset();
  executor_.reset();
  EXPECT_EQ(Supervisors(), 0) << "a process is left";
  if (counts_descriptors_) {
    EXPECT_EQ(OpenDescriptors(), descriptors_before_);
  }
  fs::remove_all(folder_);
  unsetenv("TMPDIR");
}

ProcessParameters ProcessTest::Shell() { return ShellAfter(":"); }

ProcessParameters ProcessTest::ShellAfter(const std::string& commands) {
  ProcessParameters parameters;
  parameters.command = {
      "sh", "-c",
      absl::StrCat(commands,
                   "\necho ready\n"
                   "while read -r line; do eval \"$line\"; done")};
  parameters.readiness.when = Readiness::When::kLineMatches;
  parameters.readiness.line = std::make_shared<const re2::RE2>("^ready$");
  return parameters;
}

void ProcessTest::Serve(ProcessParameters parameters,
                        lifecycle::Policy policy) {
  const absl::Status added = anteroom_->AddResource(
      "r", policy,
      std::make_unique<Process>(*runtime_, host_, std::move(parameters)));
  ASSERT_TRUE(added.ok()) << added;
}

lifecycle::Policy ProcessTest::Lingering() {
  lifecycle::Policy policy;
  policy.idle_timeout = absl::Hours(1);
  return policy;
}

coro::Instant ProcessTest::Bound() const {
  return coro::After(clock_.Now(), kBound);
}

absl::StatusOr<LeasePtr> ProcessTest::TryAcquire(const std::string& key) {
  lifecycle::AcquireOptions options;
  options.key = key;
  options.stream_bound = true;  // no ttl
  const auto sink = std::make_shared<ExitedSink>();
  options.sink = sink;
  absl::StatusOr<LeasePtr> lease = coro::SyncWait(anteroom_->Acquire(
      "r", std::move(options), absl::InfiniteDuration(), {}, Bound()));
  if (lease.ok()) sinks_.emplace(*lease, sink);
  return lease;
}

LeasePtr ProcessTest::Acquire(const std::string& key) {
  absl::StatusOr<LeasePtr> lease = TryAcquire(key);
  ANTEROOM_CHECK((lease.ok() || (ADD_FAILURE() << lease.status(), false)));
  return *std::move(lease);
}

absl::StatusOr<lifecycle::Payload> ProcessTest::Use(
    const LeasePtr& lease, const std::string& method,
    const nlohmann::json& argument) {
  const lifecycle::Payload payload{lifecycle::kJson, argument.dump()};
  return coro::SyncWait(
      anteroom_->Use(lease->id(), method, payload, 0, {}, Bound()));
}

std::string ProcessTest::Ask(const LeasePtr& lease, const std::string& line) {
  const absl::StatusOr<lifecycle::Payload> answer = Use(lease, "request", line);
  if (!answer.ok()) return answer.status().ToString();
  return nlohmann::json::parse(answer->data).get<std::string>();
}

std::vector<nlohmann::json> ProcessTest::Logs(const LeasePtr& lease,
                                              int lines) {
  const lifecycle::Payload argument{
      lifecycle::kJson,
      nlohmann::json{{"lines", lines}, {"follow", false}}.dump()};
  testing::FakeChannel channel;
  const absl::Status ended = coro::SyncWait(anteroom_->UseStream(
      lease->id(), "logs", argument, channel, 0, {}, Bound()));
  EXPECT_TRUE(ended.ok()) << ended;
  std::vector<nlohmann::json> logs;
  for (const std::string& line : channel.outgoing) {
    logs.push_back(nlohmann::json::parse(line));
  }
  return logs;
}

lifecycle::Receipt ProcessTest::Release(const LeasePtr& lease,
                                        const lifecycle::ExitCause& cause) {
  const absl::StatusOr<lifecycle::Receipt> receipt =
      coro::SyncWait(anteroom_->Release(lease->id(), cause, {}, Bound()));
  EXPECT_TRUE(receipt.ok()) << receipt.status();
  return receipt.value_or(lifecycle::Receipt());
}

lifecycle::ExitReason ProcessTest::AwaitExit(const LeasePtr& lease) {
  EXPECT_EQ(sinks_.at(lease)->exited.get_future().wait_for(
                absl::ToChronoSeconds(kBound)),
            std::future_status::ready);
  return Release(lease).reason;
}

nlohmann::json ProcessTest::ValueOf(const LeasePtr& lease) {
  return nlohmann::json::parse(lease->View().value.data);
}

Watched ProcessTest::ProgramOf(const LeasePtr& lease) {
  return Watched(ValueOf(lease)["pid"].get<pid_t>());
}

std::vector<std::string> ProcessTest::Directories() const {
  std::vector<std::string> names;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder_)) {
    names.push_back(entry.path().filename());
  }
  return names;
}

void ProcessTest::Drain() {
  drained_ = true;
  coro::SyncWait(anteroom_->Drain());
}

}  // namespace anteroom::kinds
