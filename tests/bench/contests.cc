#include "tests/bench/contests.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "server/coro/check.h"
#include "tests/bench/scope_callers.h"
#include "tests/bench/stream_callers.h"
#include "tests/bench/unary_callers.h"
#include "tests/bench/with_callers.h"

namespace anteroom::bench {
namespace {

// Where there is no hiredis, Redis is missing (peers.h).
#ifdef ANTEROOM_BENCH_REDIS
constexpr auto kOpenRedisScopes = OpenRedisScopes;
constexpr auto kOpenRedisScopesApart = OpenRedisScopesApart;
#else
constexpr Callers (*kOpenRedisScopes)(const std::string&, int) = nullptr;
constexpr auto kOpenRedisScopesApart = kOpenRedisScopes;
#endif

Contest Uses() {
  return {"unary",
          {{"bare-unary", "a unary echo of UseRequest's bytes", Peer::kBare,
            OpenBareUses},
           {"use", "Use of echo on an object held by a unary lease",
            Peer::kAnteroomd, OpenUses}},
          {{"use", "bare-unary"}}};
}

Contest Streams() {
  return {"stream",
          {{"bare-stream", "a message there and back on an open bidi stream",
            Peer::kBare, OpenBareStreams},
           {"with-use", "Use of echo on an open With stream, events NONE",
            Peer::kAnteroomd, OpenWithUses}},
          {{"with-use", "bare-stream"}}};
}

Contest Withs() {
  return {
      "with",
      {{"bare-once", "a bidi stream of one message each way", Peer::kBare,
        OpenBareOnces},
       {"bare-scope", "a bidi stream of corked's messages, with nothing behind",
        Peer::kBare, OpenBareScopes},
       {"bare-batch", "a bidi stream of batched's messages, one each way",
        Peer::kBare, OpenBareBatches},
       {"batched",
        "one With: acquire, use, release in one message, events NONE",
        Peer::kAnteroomd, OpenBatchedScopes},
       {"batched-events", "batched with events ALL", Peer::kAnteroomd,
        OpenBatchedScopesWithEvents},
       {"corked", "one With: acquire, use, release sent at once, events NONE",
        Peer::kAnteroomd, OpenCorkedScopes},
       {"corked-events", "corked with events ALL", Peer::kAnteroomd,
        OpenCorkedScopesWithEvents},
       {"interactive", "as corked, but each sent once the last is answered",
        Peer::kAnteroomd, OpenInteractiveScopes},
       {"interactive-events", "interactive with events ALL", Peer::kAnteroomd,
        OpenInteractiveScopesWithEvents}},
      {{"batched", "bare-batch"},
       {"batched", "bare-once"},
       {"bare-batch", "bare-once"},
       {"batched-events", "bare-batch"},
       {"corked", "bare-once"},
       {"corked", "bare-scope"},
       {"bare-scope", "bare-once"},
       {"corked-events", "bare-once"},
       {"interactive", "bare-once"},
       {"interactive-events", "bare-once"}}};
}

Contest Scopes() {
  return {"peers",
          {{"scope", "Acquire, Use of echo, Release as three unary calls",
            Peer::kAnteroomd, OpenUnaryScopes},
           {"corked-scope", "as corked, taking turns with these",
            Peer::kAnteroomd, OpenCorkedScopes},
           {"batched-scope", "as batched, taking turns with these",
            Peer::kAnteroomd, OpenBatchedScopes},
           {"aio", "the three unary calls, to a Python grpc.aio server",
            Peer::kAio, OpenUnaryScopes},
           {"aio-batched", "batched's messages, to that server", Peer::kAio,
            OpenBatchedScopes},
           {"redis", "SET key token NX PX ttl, GET, DEL; no persistence",
            Peer::kRedis, kOpenRedisScopes},
           {"redis-apart", "the same, each caller on a connection of its own",
            Peer::kRedis, kOpenRedisScopesApart},
           {"etcd-tmpfs", "LeaseGrant, Txn (put a key if absent), LeaseRevoke",
            Peer::kEtcdOnTmpfs, OpenEtcdScopes},
           {"etcd-disk", "the same, with its data on a disk, not in memory",
            Peer::kEtcdOnDisk, OpenEtcdScopes}},
          {{"scope", "aio"},
           {"scope", "etcd-tmpfs"},
           {"scope", "etcd-disk"},
           {"scope", "redis"},
           {"scope", "redis-apart"},
           {"corked-scope", "aio"},
           {"corked-scope", "etcd-tmpfs"},
           {"corked-scope", "etcd-disk"},
           {"corked-scope", "redis"},
           {"corked-scope", "redis-apart"},
           {"corked-scope", "scope"},
           {"batched-scope", "aio"},
           {"batched-scope", "aio-batched"},
           {"batched-scope", "etcd-tmpfs"},
           {"batched-scope", "etcd-disk"},
           {"batched-scope", "redis"},
           {"batched-scope", "redis-apart"},
           {"batched-scope", "scope"}}};
}

// Of AllContests(), once more.
Contestant Again(const std::string& name,
                 Post (*post)(const std::string& address) = nullptr) {
  for (const Contest& contest : AllContests()) {
    for (Contestant contestant : contest.contestants) {
      if (contestant.name != name) continue;
      contestant.post = post;
      return contestant;
    }
  }
  ANTEROOM_CHECK(false);
}

bool Has(const Contest& contest, const std::string& contestant) {
  return std::any_of(contest.contestants.begin(), contest.contestants.end(),
                     [&contestant](const Contestant& candidate) {
                       return candidate.name == contestant;
                     });
}

// Leaves the contestants that `stays` is true of, and what is left to compare.
template <typename Stays>
void Keep(Contest& contest, Stays stays) {
  std::erase_if(contest.contestants, [&stays](const Contestant& contestant) {
    return !stays(contestant);
  });
  std::erase_if(contest.comparisons, [&contest](const Comparison& comparison) {
    return !Has(contest, comparison.subject) ||
           !Has(contest, comparison.reference);
  });
}

void RemoveEmpty(std::vector<Contest>& contests) {
  std::erase_if(contests, [](const Contest& contest) {
    return contest.contestants.empty();
  });
}

[[noreturn]] void RefuseName(const std::string& name,
                             const std::vector<std::string>& names) {
  std::fprintf(stderr, "bench: --only: there is no '%s', but %s\n",
               name.c_str(), absl::StrJoin(names, ", ").c_str());
  std::exit(2);
}

void CheckNames(const std::vector<Contest>& contests,
                const std::vector<std::string>& only) {
  std::vector<std::string> names;
  for (const Contest& contest : contests) {
    names.push_back(contest.name);
    for (const Contestant& contestant : contest.contestants) {
      names.push_back(contestant.name);
    }
  }
  for (const std::string& name : only) {
    if (std::find(names.begin(), names.end(), name) == names.end()) {
      RefuseName(name, names);
    }
  }
}

}  // namespace

std::vector<Contest> AllContests() {
  return {Uses(), Streams(), Withs(), Scopes()};
}

Contest Builds() {
  return {"builds",
          {{"stock-echo", "bare-unary; -O2, shared gRPC, all else as it comes",
            Peer::kStockEcho, OpenBareUses},
           {"use", "Use of echo on a held object; the release", Peer::kReleased,
            OpenUses},
           {"use-shared", "the same, but gRPC's libraries are shared",
            Peer::kShared, OpenUses},
           {"use-no-lto", "use, but each file is optimized by itself",
            Peer::kWithoutLto, OpenUses},
           {"use-glibc-malloc", "use, but glibc's malloc, not tcmalloc",
            Peer::kGlibcMalloc, OpenUses},
           {"use-jemalloc", "use, but jemalloc, preloaded", Peer::kJemalloc,
            OpenUses},
           {"use-deadlock-detection", "use, but gRPC's locks are checked",
            Peer::kDeadlockDetection, OpenUses}},
          {{"use", "stock-echo"},
           {"use-shared", "use"},
           {"use-no-lto", "use"},
           {"use-glibc-malloc", "use"},
           {"use-jemalloc", "use"},
           {"use-deadlock-detection", "use"}}};
}

Contest Ceilings() {
  return {
      "ceilings",
      {Again("bare-unary", PostBareUse), Again("use", PostUse),
       Again("bare-once", PostBareOnce), Again("bare-scope", PostBareScope),
       Again("bare-batch", PostBareBatch), Again("corked", PostCorkedScope),
       Again("batched", PostBatchedScope), Again("aio"), Again("aio-batched")},
      {{"use", "bare-unary"},
       {"corked", "bare-once"},
       {"corked", "bare-scope"},
       {"bare-scope", "bare-once"},
       {"batched", "bare-batch"},
       {"batched", "bare-once"},
       {"bare-batch", "bare-once"},
       {"corked", "aio"},
       {"batched", "aio"},
       {"batched", "aio-batched"}}};
}

std::vector<Contest> Selected(std::vector<Contest> contests,
                              const std::vector<std::string>& only) {
  if (only.empty()) return contests;
  CheckNames(contests, only);
  const auto named = [&only](const std::string& name) {
    return std::find(only.begin(), only.end(), name) != only.end();
  };
  for (Contest& contest : contests) {
    if (named(contest.name)) continue;
    Keep(contest, [&named](const Contestant& contestant) {
      return named(contestant.name);
    });
  }
  RemoveEmpty(contests);
  return contests;
}

std::vector<Contest> WithServers(std::vector<Contest> contests,
                                 const std::vector<Peer>& missing) {
  for (Contest& contest : contests) {
    Keep(contest, [&missing](const Contestant& contestant) {
      return std::find(missing.begin(), missing.end(), contestant.server) ==
             missing.end();
    });
  }
  RemoveEmpty(contests);
  return contests;
}

}  // namespace anteroom::bench
