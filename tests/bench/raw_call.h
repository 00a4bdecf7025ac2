// A call of any method, with its messages as bytes.
#ifndef ANTEROOM_TESTS_BENCH_RAW_CALL_H_
#define ANTEROOM_TESTS_BENCH_RAW_CALL_H_

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "grpcpp/channel.h"

namespace anteroom::bench {

// Sends the messages and blocks until the call is over; the sizes of those that
// answer. Ends the program unless its status is OK. REQUIRES: there is a
// message.
std::vector<std::size_t> CallRaw(const std::shared_ptr<grpc::Channel>& channel,
                                 const std::string& path,
                                 const std::vector<std::string>& messages);

}  // namespace anteroom::bench

#endif  // ANTEROOM_TESTS_BENCH_RAW_CALL_H_
