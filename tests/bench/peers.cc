#include "tests/bench/peers.h"

#include <string>

#include "server/coro/check.h"
#include "tests/bench/anteroomd.h"
#include "tests/bench/bare_server.h"
#include "tests/bench/messages.h"

namespace anteroom::bench {

std::string WhyMissing(Peer peer) {
  switch (peer) {
    case Peer::kBare:
    case Peer::kAnteroomd:
      return "";
  }
  return "";
}

Process Start(Peer peer, const Folders& folders) {
  switch (peer) {
    case Peer::kBare:
      return ForkServer([] { RunBareServer(); });
    case Peer::kAnteroomd: {
      const std::string config =
          folders.memory.Write("anteroomd.textproto", AnteroomdConfig());
      return ForkServer([&config] { RunAnteroomd(config); });
    }
  }
  ANTEROOM_CHECK(false);
}

}  // namespace anteroom::bench
