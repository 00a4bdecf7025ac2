// Callers that open a stream for each call: a whole scope in one With.
#ifndef ANTEROOM_TESTS_BENCH_WITH_CALLERS_H_
#define ANTEROOM_TESTS_BENCH_WITH_CALLERS_H_

#include <string>

#include "tests/bench/closed_loop.h"

namespace anteroom::bench {

// Acquire, use of `echo` and release, all three sent at once with the
// half-close; the call is done when the stream's status is there.
Callers OpenCorkedScopes(const std::string& anteroomd, int width);
// The same, with all events of the lease.
Callers OpenCorkedScopesWithEvents(const std::string& anteroomd, int width);
// The same three in one message; the call is done likewise.
Callers OpenBatchedScopes(const std::string& anteroomd, int width);
Callers OpenBatchedScopesWithEvents(const std::string& anteroomd, int width);
// Each is sent once the one before it is answered.
Callers OpenInteractiveScopes(const std::string& anteroomd, int width);
Callers OpenInteractiveScopesWithEvents(const std::string& anteroomd,
                                        int width);
// A bare stream of one message each way: the use with the half-close, its
// answer with the status.
Callers OpenBareOnces(const std::string& bare_server, int width);
// A bare stream of corked scopes' messages, each answered as a scope answers
// it.
Callers OpenBareScopes(const std::string& bare_server, int width);
// A bare stream of batched scopes' messages: one each way, of the same bytes.
Callers OpenBareBatches(const std::string& bare_server, int width);

}  // namespace anteroom::bench

#endif  // ANTEROOM_TESTS_BENCH_WITH_CALLERS_H_
