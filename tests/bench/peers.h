// The servers that take part, each a process at a TCP port of 127.0.0.1.
#ifndef ANTEROOM_TESTS_BENCH_PEERS_H_
#define ANTEROOM_TESTS_BENCH_PEERS_H_

#include <string>

#include "tests/bench/process.h"
#include "tests/bench/scratch.h"

namespace anteroom::bench {

// In the order in which they start: those that are forked come first.
enum class Peer {
  kBare,
  kAnteroomd,
  kAio,
  kRedis,
  kEtcdOnTmpfs,
  kEtcdOnDisk,
  // An echo as a plain user builds it.
  kStockEcho,
  // anteroomd as it is released, and with one thing changed.
  kReleased,
  kShared,
  kWithoutLto,
  kGlibcMalloc,
  kJemalloc,
  kDeadlockDetection,
};

// Where servers put their files.
struct Folders {
  const Scratch& memory;
  const Scratch& disk;
};

// Why it cannot start; empty if it can.
std::string WhyMissing(Peer peer);

// REQUIRES: nothing is missing; gRPC has begun nothing yet.
Process Start(Peer peer, const Folders& folders);

}  // namespace anteroom::bench

#endif  // ANTEROOM_TESTS_BENCH_PEERS_H_
