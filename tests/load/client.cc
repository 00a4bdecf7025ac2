// A client in a process of its own, for tests that count on many holders or on
// holders that are killed.
//
//   load_client ADDRESS RESOURCE hold LEASES SCOPES
//   load_client ADDRESS RESOURCE churn CLIENTS SEED
#include "tests/load/client.h"

#include <cstdio>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"

namespace anteroom::load {
namespace {

int Usage() {
  std::fputs(
      "usage: load_client ADDRESS RESOURCE hold LEASES SCOPES\n"
      "       load_client ADDRESS RESOURCE churn CLIENTS SEED\n",
      stderr);
  return 2;
}

int Main(const std::vector<std::string>& arguments) {
  int first = 0;
  int second = 0;
  if (arguments.size() != 5 || !absl::SimpleAtoi(arguments[3], &first) ||
      !absl::SimpleAtoi(arguments[4], &second)) {
    return Usage();
  }
  const Target target{arguments[0], arguments[1]};
  if (arguments[2] == "hold") return Hold(target, first, second);
  if (arguments[2] == "churn") {
    return Churn(target, first, static_cast<std::uint32_t>(second));
  }
  return Usage();
}

}  // namespace
}  // namespace anteroom::load

int main(int argc, char** argv) {
  return anteroom::load::Main({argv + 1, argv + argc});
}
