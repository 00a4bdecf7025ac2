// What the two clients that the load tests start have in common: see client.cc.
#ifndef ANTEROOM_TESTS_LOAD_CLIENT_H_
#define ANTEROOM_TESTS_LOAD_CLIENT_H_

#include <cstdint>
#include <string>

namespace anteroom::load {

// Where a client is to go.
struct Target {
  std::string address;
  std::string resource;
};

// Takes `leases` leases by unary calls and `scopes` by With streams, holds them
// and does what standard input says, line by line. Each line is answered:
//
//   (at the start)  holding LEASES SCOPES
//   names           the lease id of each scope, a line each
//   use             calls, within each scope, a method that does not return;
//                   answers `using SCOPES` once each call is sent
//   release         releases all; `released LEASES SCOPES` tells how many
//                   ended so
//   await           waits until the server has ended all scopes; `ended REASON
//                   SCOPES` for each reason (BROKEN: none was told), then
//                   `ended`
//
// Ends with the input, without a word to the server. The exit status.
int Hold(const Target& target, int leases, int scopes);

// Runs `clients` clients, each with a connection of its own, that take, use,
// release, abandon and break off at random, until the server drains or this
// process is killed.
int Churn(const Target& target, int clients, std::uint32_t seed);

}  // namespace anteroom::load

#endif  // ANTEROOM_TESTS_LOAD_CLIENT_H_
