// How much memory a process has.
#ifndef ANTEROOM_TESTS_BENCH_GROWTH_MEMORY_H_
#define ANTEROOM_TESTS_BENCH_GROWTH_MEMORY_H_

#include <sys/types.h>

#include <cstdint>

namespace anteroom::bench {

// What this process has allocated and not freed, as its malloc rounds it up;
// not what malloc keeps for later. Exact: tcmalloc's own count of its spans
// less its free lists, or, without tcmalloc, what glibc's mallinfo2 says.
std::int64_t AllocatedBytes();

// The pages of the process, each shared one in proportion (PSS).
std::int64_t ResidentBytes(pid_t process);

}  // namespace anteroom::bench

#endif  // ANTEROOM_TESTS_BENCH_GROWTH_MEMORY_H_
