// emulated-link: an EmulatedLink in front of any server, for benchmarks and system tests.
#include <CLI/CLI.hpp>
#include <csignal>
#include <iostream>

#include "tests/support/emulated_link.h"

namespace granary {
namespace {

constexpr char kHelp[] =
    "Relays TCP from 127.0.0.1 to a server with the delay and the rate of a longer, narrower link.\n"
    "Prints its URL on a line and runs until SIGTERM. SIGUSR1 prints what was carried so far, as a line of JSON.\n\n"
    "emulated-link --to 127.0.0.1:8080\n"
    "emulated-link --listen 9000 --to 127.0.0.1:8080 --rate 1G --rtt 100ms";

struct Arguments {
  uint16_t listen = 0;
  std::string to, rate = "100M", round_trip = "20ms";
};

void print_counters(const EmulatedLink& link) {
  const EmulatedLink::Counters counters = link.counters();
  std::cout << "{\"up_bytes\": " << counters.up_bytes << ", \"down_bytes\": " << counters.down_bytes
            << ", \"connections\": " << counters.connections << "}" << std::endl;
}

Status run(const Arguments& arguments) {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : {SIGTERM, SIGINT, SIGUSR1}) sigaddset(&signals, signal);
  ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);  // before the link's thread starts, which inherits it

  EmulatedLinkOptions options;
  options.target = arguments.to;
  options.listen_port = arguments.listen;
  options.rate_bits_per_second = TRY(parse_link_rate(arguments.rate));
  options.round_trip = TRY(parse_round_trip(arguments.round_trip));
  const auto link = TRY(EmulatedLink::start(options));
  std::cout << link->url() << std::endl;
  for (int signal = 0;;) {
    ::sigwait(&signals, &signal);
    if (signal != SIGUSR1) return Done{};
    print_counters(*link);
  }
}

}  // namespace
}  // namespace granary

int main(int argc, char** argv) {
  granary::Arguments arguments;
  CLI::App app(granary::kHelp);
  app.add_option("--listen", arguments.listen, "port on 127.0.0.1 (default: one that is free)");
  app.add_option("--to", arguments.to, "HOST:PORT of the server")->required();
  app.add_option("--rate", arguments.rate, "bits a second, of all connections together, each way")
      ->capture_default_str();
  app.add_option("--rtt", arguments.round_trip, "the round trip")->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  const granary::Status done = granary::run(arguments);
  if (done) return 0;
  std::cerr << "emulated-link: " << done.error().message << "\n";
  return static_cast<int>(done.error().code);
}
