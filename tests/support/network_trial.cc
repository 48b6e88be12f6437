// network-trial: brings up the network of the network namespace it runs in, as the micro image does, for system cases.
//   network-trial [WORD=VALUE...]    ip=… (may be repeated), network=dhcp|static|none, dns=, ntp=, timeout=SECONDS,
//                                    mac= device= address= gateway= dhcp6=yes: a plan for one link, as from a context
//                                    keep=yes: the keeper of the links stays
// Prints what the network is now as JSON; exit status 0, or the error's. Called as granary-lease, it is that; with the
// word keep-links, as granary-init, the keeper.
#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "initramfs/json_reading.h"
#include "initramfs/network/link_keeper.h"
#include "initramfs/network/network.h"

namespace granary {
namespace {
Json told(const Network& network) {
  Json links = Json::array();
  for (const auto& link : network.links)
    links.push_back({{"device", link.device}, {"mac", link.mac}, {"addresses", link.addresses}, {"how", link.how}});
  return {{"links", links},
          {"dns", network.dns},
          {"search", network.search},
          {"ntp", network.ntp},
          {"hostname", network.hostname},
          {"dhcp_server", network.dhcp_server},
          {"up", network.up},
          {"complaints", network.complaints}};
}

void take(const std::string& name, const std::string& value, Settings& settings, NetworkPlan& plan) {
  if (name == "ip") settings.ip.push_back(value);
  if (name == "network") settings.network = value;
  if (name == "dns") settings.dns.push_back(value);
  if (name == "ntp") settings.ntp.push_back(value);
  if (name == "timeout") settings.network_timeout = std::chrono::seconds(std::atoi(value.c_str()));
  static const char* const kOfPlan[] = {"mac", "device", "dhcp6", "address", "gateway"};
  if (std::none_of(std::begin(kOfPlan), std::end(kOfPlan), [&](const char* one) { return name == one; })) return;
  plan.origin = "the trial";
  if (plan.links.empty()) plan.links.emplace_back();
  if (name == "mac") plan.links.back().mac = value;
  if (name == "device") plan.links.back().device = value;
  if (name == "gateway") plan.links.back().gateways.push_back(value);
  if (name == "address") plan.links.back().addresses.push_back(value);
  if (name == "dhcp6") plan.links.back().dhcp6 = true;
}

int try_network(const std::vector<std::string>& words) {
  Settings settings;
  NetworkPlan plan;
  for (const std::string& word : words)
    take(word.substr(0, word.find('=')), word.substr(word.find('=') + 1), settings, plan);
  const auto network = bring_up_network(settings, plan);
  if (std::find(words.begin(), words.end(), "keep=yes") != words.end() && !start_link_keeper()) return 1;
  if (network) return std::fputs(written(told(*network)).c_str(), stdout) < 0;
  std::fprintf(stderr, "%s\n", network.error().message.c_str());
  return static_cast<int>(network.error().code);
}
}  // namespace
}  // namespace granary

int main(int argc, char** argv) {
  const std::vector<std::string> words(argv + 1, argv + argc);
  const std::string name = argv[0];
  if (!words.empty() && words.front() == "keep-links") return granary::keep_links(words);
  return name.ends_with("granary-lease") ? granary::run_lease_script(words) : granary::try_network(words);
}
