#include "tests/bench/channels.h"

#include <algorithm>
#include <chrono>

#include "absl/strings/str_cat.h"
#include "grpcpp/create_channel.h"
#include "grpcpp/security/credentials.h"
#include "grpcpp/support/channel_arguments.h"
#include "tests/bench/closed_loop.h"

namespace anteroom::bench {

int ConnectionsFor(int width) { return std::min(width, 4); }

std::vector<std::shared_ptr<grpc::Channel>> Connect(const std::string& address,
                                                    int width) {
  grpc::ChannelArguments arguments;
  // Else all channels to an address share one connection.
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  std::vector<std::shared_ptr<grpc::Channel>> channels;
  for (int i = 0; i < ConnectionsFor(width); ++i) {
    channels.push_back(grpc::CreateCustomChannel(
        address, grpc::InsecureChannelCredentials(), arguments));
    const auto deadline =
        std::chrono::system_clock::now() + std::chrono::seconds(30);
    if (!channels.back()->WaitForConnected(deadline)) {
      Fail(absl::StrCat("nobody answers at ", address));
    }
  }
  return channels;
}

}  // namespace anteroom::bench
