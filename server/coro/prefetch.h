// Prefetch: has the processor fetch what is looked at soon, and was not for so
// long that no cache has it.
//
// Thread safety: from any thread; it reads nothing, as far as others can tell.
#ifndef ANTEROOM_SERVER_CORO_PREFETCH_H_
#define ANTEROOM_SERVER_CORO_PREFETCH_H_

#include <cstddef>

namespace anteroom::coro {

// All of `object`; null: nothing.
template <typename T>
void Prefetch(const T* object) {
  if (object == nullptr) return;
  constexpr std::size_t kCacheLine = 64;
  const auto* const bytes = reinterpret_cast<const char*>(object);
  for (std::size_t i = 0; i < sizeof(T); i += kCacheLine) {
    __builtin_prefetch(bytes + i);
  }
}

}  // namespace anteroom::coro

#endif  // ANTEROOM_SERVER_CORO_PREFETCH_H_
