// Pump: the messages of one direction of a call that is forwarded, from the
// read on one side to the write on the other. It says what is to be started
// next.
//
// Invariants:
//  1. Messages keep their order.
//  2. At most two are kept: the one that is to be written, or is being written,
//     and the one that was read meanwhile. Who does not take them thereby stops
//     who sends them.
//  3. At most one read and one write are in flight.
//  4. While it holds, the first message waits for what comes right after it, to
//     travel with it. The second message, the end, or LetGo() ends that.
//
// Thread safety: none; its owner's mutex guards it.
#ifndef ANTEROOM_SERVER_RPC_PUMP_H_
#define ANTEROOM_SERVER_RPC_PUMP_H_

#include <utility>

#include "grpcpp/support/byte_buffer.h"

namespace anteroom::rpc {

class Pump {
 public:
  // Before all else.
  void Hold() { holding_ = true; }
  // True: a message waited.
  bool LetGo() { return std::exchange(holding_, false) && has_out_; }
  bool holding() const { return holding_; }

  // True: a read is to be started now; it is in flight.
  bool TakeRead() {
    if (reading_ || ended_ || has_next_) return false;
    return reading_ = true;
  }
  // The read in flight has brought `message`, which is taken.
  void Arrived(grpc::ByteBuffer& message) {
    reading_ = false;
    ++messages_;
    if (!broken_ && !has_out_) {
      out_.Swap(&message);
      has_out_ = true;
    } else if (!broken_) {
      next_.Swap(&message);
      has_next_ = true;
      holding_ = false;
    }
    message.Clear();
  }
  // No message follows.
  void End() {
    ended_ = true;
    holding_ = false;
  }

  // True: out() is to be written now; the write is in flight.
  bool TakeWrite() {
    if (writing_ || holding_ || !has_out_) return false;
    return writing_ = out_in_flight_ = true;
  }
  // The same for what is no message: headers, or the end.
  bool TakeOther() {
    if (writing_ || holding_ || has_out_) return false;
    return writing_ = true;
  }
  // The write in flight has ended.
  void Written() {
    writing_ = false;
    if (!std::exchange(out_in_flight_, false)) return;
    out_.Clear();
    has_out_ = std::exchange(has_next_, false);
    if (has_out_) out_.Swap(&next_);
  }
  // What is written now is in vain: messages are dropped from now on.
  void Break() {
    broken_ = true;
    holding_ = false;
    has_next_ = false;
    if (!out_in_flight_) has_out_ = false;
  }

  // Stays where it is until the write has ended.
  const grpc::ByteBuffer& out() const { return out_; }
  bool has_out() const { return has_out_; }
  bool writing() const { return writing_; }
  bool ended() const { return ended_; }
  // Nothing follows out(), or will.
  bool out_is_last() const { return ended_ && !has_next_; }
  // How many have arrived.
  int messages() const { return messages_; }

 private:
  bool holding_ = false;
  bool reading_ = false;
  bool writing_ = false;
  bool ended_ = false;
  bool broken_ = false;
  bool has_out_ = false;
  bool out_in_flight_ = false;
  bool has_next_ = false;
  int messages_ = 0;
  grpc::ByteBuffer out_;
  grpc::ByteBuffer next_;
};

}  // namespace anteroom::rpc

#endif  // ANTEROOM_SERVER_RPC_PUMP_H_
