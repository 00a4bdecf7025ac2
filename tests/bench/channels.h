// Connections to a server that is measured.
#ifndef ANTEROOM_TESTS_BENCH_CHANNELS_H_
#define ANTEROOM_TESTS_BENCH_CHANNELS_H_

#include <memory>
#include <string>
#include <vector>

#include "grpcpp/channel.h"

namespace anteroom::bench {

// How many connections so many callers share, whatever they call.
int ConnectionsFor(int width);

// So many channels, connected, each by a connection of its own.
std::vector<std::shared_ptr<grpc::Channel>> Connect(const std::string& address,
                                                    int width);

}  // namespace anteroom::bench

#endif  // ANTEROOM_TESTS_BENCH_CHANNELS_H_
