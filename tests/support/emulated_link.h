// EmulatedLink: a TCP relay on loopback that makes the way to a server as long and as narrow as a real one. Bytes take
// half a round trip each way, and all connections together share one bottleneck per direction, first come, first
// served. A new connection costs a round trip before its first byte goes through: TCP's handshake, which loopback would
// hide.
//
// What it does not emulate: loss and what TCP does about it; slow start (a connection has its full window at once);
// the bytes of packet headers (some 3 % on a real wire). So a real link of the same rate is somewhat slower, the more
// so for a client that opens many short connections. Both ends keep the socket buffers that loopback gives them.
//
// One thread of its own, which sleeps to the nanosecond (timerfd) and keeps the rate by the clock, so that being woken
// late never makes the link slower in the long run. The functions of a running link are safe from many threads.
#pragma once

#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <thread>

#include "fs/base/result.h"
#include "fs/base/unique_fd.h"

namespace granary {

struct EmulatedLinkOptions {
  std::string target;        // HOST:PORT, where connections go
  uint16_t listen_port = 0;  // on 127.0.0.1; 0: one that is free
  uint64_t rate_bits_per_second = 100'000'000;
  std::chrono::nanoseconds round_trip = std::chrono::milliseconds(20);
  // What one connection may have on the way in one direction, as TCP's receive window bounds it. Beyond that the relay
  // stops reading from the sender.
  size_t window_bytes = size_t{256} << 10;
};

class EmulatedLink {
 public:
  // kInvalid: a target that is none, or a rate, round trip or window out of bounds. kBusy: the port is taken.
  static Result<std::unique_ptr<EmulatedLink>> start(const EmulatedLinkOptions& options);
  // Ends all connections.
  ~EmulatedLink();

  uint16_t port() const { return port_; }
  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }

  // What has come out at the other end so far, and the connections ever made.
  struct Counters {
    uint64_t up_bytes = 0;    // client to target
    uint64_t down_bytes = 0;  // target to client
    uint64_t connections = 0;
  };
  Counters counters() const;

 private:
  class Relay;
  explicit EmulatedLink(std::unique_ptr<Relay> relay);

  const std::unique_ptr<Relay> relay_;
  const uint16_t port_;
  std::thread thread_;
};

// Bits a second: "100M", "1G", "512k", "9600". kInvalid for anything else, zero included.
Result<uint64_t> parse_link_rate(std::string_view text);
// "20ms", "1s", "500us", "0ms". kInvalid for anything else.
Result<std::chrono::nanoseconds> parse_round_trip(std::string_view text);

}  // namespace granary
