#include "tests/bench/peers.h"

#include <cstdlib>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/coro/check.h"
#include "tests/bench/anteroomd.h"
#include "tests/bench/bare_server.h"
#include "tests/bench/builds/build.h"
#include "tests/bench/messages.h"

namespace anteroom::bench {
namespace {

constexpr char kFolder[] = ANTEROOM_SOURCE_DIR "/tests/bench";
constexpr char kPythonClient[] = ANTEROOM_SOURCE_DIR "/client/python";
// Debian's own: another one would not see Debian's grpcio.
constexpr char kPython[] = "/usr/bin/python3";

std::string OfPort(const char* scheme, int port) {
  return absl::StrCat(scheme, "127.0.0.1:", port);
}

Process StartAtPort(const std::vector<std::string>& command, int port) {
  const Process process = StartServerAt(command, OfPort("", port));
  AwaitPort(port, process);
  return process;
}

// Nothing is written to disk.
Process StartRedis(const Folders& folders) {
  const int port = FreePort();
  return StartAtPort({"redis-server", "--bind", "127.0.0.1", "--port",
                      absl::StrCat(port), "--save", "", "--appendonly", "no",
                      "--daemonize", "no", "--dir", folders.memory.path()},
                     port);
}

// A cluster of one, as etcd is set up without further ado: each change is
// written to its log, and synced, before it is answered.
Process StartEtcd(const Scratch& folder) {
  const int port = FreePort();
  const std::string clients = OfPort("http://", port);
  const std::string members = OfPort("http://", FreePort());
  return StartAtPort(
      {"etcd", "--name=bench",
       absl::StrCat("--data-dir=", folder.path(), "/etcd"),
       absl::StrCat("--listen-client-urls=", clients),
       absl::StrCat("--advertise-client-urls=", clients),
       absl::StrCat("--listen-peer-urls=", members),
       absl::StrCat("--initial-advertise-peer-urls=", members),
       absl::StrCat("--initial-cluster=bench=", members), "--log-level=error"},
      port);
}

Process StartAio() {
  setenv("PYTHONPATH", kPythonClient, /*replace=*/1);
  return StartServer({kPython, absl::StrCat(kFolder, "/aio_server.py")});
}

std::string AnteroomdConfigIn(const Folders& folders) {
  return folders.memory.Write("anteroomd.textproto", AnteroomdConfig());
}

// Of those whose server is a program of a build of its own. The simulation's is
// built as the release is.
Build BuildOf(Peer peer) {
  const auto program = [](const char* file) {
    return absl::StrCat(ANTEROOM_SOURCE_DIR "/build/", file);
  };
  switch (peer) {
    case Peer::kStockEcho:
      return {program("bench-stock/tests/bench_stock_echo"), Grpc::kShared,
              Malloc::kGlibc};
    case Peer::kReleased:
      return {program("simulation/anteroomd"), Grpc::kStatic,
              Malloc::kTcmalloc};
    case Peer::kShared:
      return {program("bench-shared/anteroomd"), Grpc::kShared,
              Malloc::kTcmalloc};
    case Peer::kWithoutLto:
      return {program("bench-no-lto/anteroomd"), Grpc::kStatic,
              Malloc::kTcmalloc};
    case Peer::kGlibcMalloc:
      return {program("simulation/tests/bench_glibc_malloc"), Grpc::kStatic,
              Malloc::kGlibc};
    case Peer::kJemalloc:
      return {program("simulation/tests/bench_glibc_malloc"), Grpc::kStatic,
              Malloc::kJemalloc};
    case Peer::kDeadlockDetection:
      return {program("simulation/tests/bench_deadlock_detection"),
              Grpc::kStatic, Malloc::kTcmalloc};
    default:
      ANTEROOM_CHECK(false);
  }
}

}  // namespace

std::string WhyMissing(Peer peer) {
  switch (peer) {
    case Peer::kBare:
    case Peer::kAnteroomd:
      return "";
    case Peer::kAio:
      return std::system(absl::StrCat("PYTHONPATH=", kPythonClient, " ",
                                      kPython,
                                      " -c 'import grpc.aio, anteroom.v1"
                                      ".resource_service_pb2_grpc' 2>/dev/null")
                             .c_str()) == 0
                 ? ""
                 : "Python lacks grpcio (Debian: python3-grpcio), or "
                   "client/python/generate was not run";
    case Peer::kRedis:
#ifndef ANTEROOM_BENCH_REDIS
      return "built without hiredis (Debian: libhiredis-dev)";
#endif
      return IsInPath("redis-server")
                 ? ""
                 : "no redis-server in PATH (Debian: redis-server)";
    case Peer::kEtcdOnTmpfs:
    case Peer::kEtcdOnDisk:
      return IsInPath("etcd") ? "" : "no etcd in PATH (Debian: etcd-server)";
    default:
      return WhyMissing(BuildOf(peer));
  }
}

Process Start(Peer peer, const Folders& folders) {
  switch (peer) {
    case Peer::kBare:
      return ForkServer([] { RunBareServer(); });
    case Peer::kAnteroomd:
      return ForkServer([&] { RunAnteroomd(AnteroomdConfigIn(folders)); });
    case Peer::kAio:
      return StartAio();
    case Peer::kRedis:
      return StartRedis(folders);
    case Peer::kEtcdOnTmpfs:
      return StartEtcd(folders.memory);
    case Peer::kEtcdOnDisk:
      return StartEtcd(folders.disk);
    case Peer::kStockEcho:
      return Start(BuildOf(peer), {});
    default:
      return Start(BuildOf(peer),
                   {absl::StrCat("--config=", AnteroomdConfigIn(folders)),
                    "--listen=127.0.0.1:0"});
  }
}

}  // namespace anteroom::bench
