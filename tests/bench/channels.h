// Connections to a server that is measured, and those who share them.
#ifndef ANTEROOM_TESTS_BENCH_CHANNELS_H_
#define ANTEROOM_TESTS_BENCH_CHANNELS_H_

#include <memory>
#include <string>
#include <vector>

#include "grpcpp/channel.h"
#include "tests/bench/closed_loop.h"

namespace anteroom::bench {

// How many connections so many callers share, whatever they call.
int ConnectionsFor(int width);

// So many channels, connected, each by a connection of its own.
std::vector<std::shared_ptr<grpc::Channel>> Connect(const std::string& address,
                                                    int width);

// So many callers, who share the connections to `address`: `make(channel, i)`
// makes the one of number i.
template <typename Make>
Callers OpenCallers(const std::string& address, int width, Make make) {
  const auto channels = Connect(address, width);
  Callers callers;
  for (int i = 0; i < width; ++i) {
    callers.push_back(make(channels[i % channels.size()], i));
  }
  return callers;
}

}  // namespace anteroom::bench

#endif  // ANTEROOM_TESTS_BENCH_CHANNELS_H_
