// ProviderProcess: a FakeProvider in a process of its own, to be killed.
#ifndef ANTEROOM_TESTS_KINDS_PROVIDER_PROVIDER_PROCESS_H_
#define ANTEROOM_TESTS_KINDS_PROVIDER_PROVIDER_PROCESS_H_

#include <sys/types.h>

#include <string>

namespace anteroom::kinds {

// Not thread-safe.
class ProviderProcess {
 public:
  // Starts provider_program, and waits until it serves on `address`. It dies by
  // itself, with no word to anybody, once `dies_in` is called ("Exit").
  explicit ProviderProcess(const std::string& address,
                           const std::string& dies_in = "");
  // As Kill().
  ~ProviderProcess();
  ProviderProcess(const ProviderProcess&) = delete;
  ProviderProcess& operator=(const ProviderProcess&) = delete;

  const std::string& address() const { return address_; }
  // SIGKILL; waits until it is gone.
  void Kill();
  // Waits until it has died by itself.
  void Join();

 private:
  pid_t pid_ = -1;  // -1 once it is gone
  int input_ = -1;  // it ends with us
  std::string address_;
};

}  // namespace anteroom::kinds

#endif  // ANTEROOM_TESTS_KINDS_PROVIDER_PROVIDER_PROCESS_H_
