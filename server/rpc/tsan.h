// Tells ThreadSanitizer what an uninstrumented gRPC hides from it: what was
// done before an operation was started happens before its reaction. Nothing in
// other builds.
#ifndef ANTEROOM_SERVER_RPC_TSAN_H_
#define ANTEROOM_SERVER_RPC_TSAN_H_

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define ANTEROOM_TSAN 1
#endif
#endif

#ifdef ANTEROOM_TSAN
extern "C" {
void __tsan_acquire(void* address);  // NOLINT(bugprone-reserved-identifier)
void __tsan_release(void* address);  // NOLINT(bugprone-reserved-identifier)
}
#endif

namespace anteroom::rpc {

// First in each reaction.
inline void TsanAcquire([[maybe_unused]] void* reactor) {
#ifdef ANTEROOM_TSAN
  __tsan_acquire(reactor);
#endif
}

// Before each Start* and Finish.
inline void TsanRelease([[maybe_unused]] void* reactor) {
#ifdef ANTEROOM_TSAN
  __tsan_release(reactor);
#endif
}

}  // namespace anteroom::rpc

#endif  // ANTEROOM_SERVER_RPC_TSAN_H_
