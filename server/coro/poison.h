// Tells AddressSanitizer which memory is not to be touched, where objects live
// in memory that is not given back between them. Without it, nothing happens.
#ifndef ANTEROOM_SERVER_CORO_POISON_H_
#define ANTEROOM_SERVER_CORO_POISON_H_

#include <cstddef>

#include "absl/base/config.h"

#ifdef ABSL_HAVE_ADDRESS_SANITIZER
#include <sanitizer/asan_interface.h>
#endif

namespace anteroom::coro {

#ifdef ABSL_HAVE_ADDRESS_SANITIZER
inline void Poison(const void* memory, std::size_t size) {
  __asan_poison_memory_region(memory, size);
}
inline void Unpoison(const void* memory, std::size_t size) {
  __asan_unpoison_memory_region(memory, size);
}
#else
inline void Poison(const void* /*memory*/, std::size_t /*size*/) {}
inline void Unpoison(const void* /*memory*/, std::size_t /*size*/) {}
#endif

}  // namespace anteroom::coro

#endif  // ANTEROOM_SERVER_CORO_POISON_H_
