#include "tests/bench/growth/memory.h"

#include <fstream>
#include <string>

#include "absl/strings/str_cat.h"
#include "server/coro/check.h"

#ifdef ANTEROOM_BENCH_TCMALLOC
#include <gperftools/malloc_extension.h>
#else
#include <malloc.h>
#endif

namespace anteroom::bench {

std::int64_t AllocatedBytes() {
#ifdef ANTEROOM_BENCH_TCMALLOC
  std::size_t bytes = 0;
  ANTEROOM_CHECK(MallocExtension::instance()->GetNumericProperty(
      "generic.current_allocated_bytes", &bytes));
  return static_cast<std::int64_t>(bytes);
#else
  const struct mallinfo2 info = mallinfo2();
  return static_cast<std::int64_t>(info.uordblks + info.hblkhd);
#endif
}

std::int64_t ResidentBytes(pid_t process) {
  std::ifstream rollup(absl::StrCat("/proc/", process, "/smaps_rollup"));
  std::string word;
  while (rollup >> word) {
    std::int64_t kibibytes = 0;
    if (word == "Pss:" && rollup >> kibibytes) return kibibytes * 1024;
  }
  ANTEROOM_CHECK(false && "the process is gone");
}

}  // namespace anteroom::bench
