// What the DHCP client calls at each event, in the lasting root. For as long as the machine lives: the address of a
// machine whose root comes over the network is kept when a lease runs out unanswered (as systemd-networkd's
// KeepConfiguration= advises there), and goes only when another lease says otherwise.
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>

#include "fs/base/file.h"
#include "initramfs/network/link_configuration.h"
#include "initramfs/network/names.h"
#include "initramfs/network/network.h"
#include "initramfs/network/network_notes.h"

namespace granary {

namespace {
constexpr off_t kMostLogBytes = 64 << 10;

std::map<std::string, std::string> environment_map() {
  std::map<std::string, std::string> map;
  for (char** entry = environ; *entry != nullptr; ++entry)
    if (const char* equals = std::strchr(*entry, '='))
      map.emplace(std::string(*entry, static_cast<size_t>(equals - *entry)), equals + 1);
  return map;
}

Result<int> index_of(RouteSocket& kernel, const std::string& device) {
  for (const LinkState& link : TRY(kernel.links()))
    if (link.device == device) return link.index;
  return Error{Code::kNotFound, "there is no link " + device};
}

void tell(const std::string& line) { std::fprintf(stderr, "granary-lease: %s\n", line.c_str()); }

// The client goes on for months: its log starts anew when it has grown.
void keep_log_short() {
  struct stat about {};
  if (::fstat(STDERR_FILENO, &about) == 0 && S_ISREG(about.st_mode) && about.st_size > kMostLogBytes)
    if (::ftruncate(STDERR_FILENO, 0) != 0) return;
}

Status take_lease(const Lease& lease) {
  RouteSocket kernel = TRY(RouteSocket::open());
  const int index = TRY(index_of(kernel, lease.device));
  NetworkNotes notes("");
  const auto before = notes.lease_of(lease.device);
  for (const std::string& line : lease.refused) tell(lease.device + ": not taken: " + line);
  const auto refused =
      apply(kernel, configuration_of(lease, index), before ? configuration_of(*before, index) : LinkConfiguration{});
  for (const std::string& line : refused) tell(lease.device + ": " + line);
  TRY(notes.note(lease));
  return notes.write_resolver();
}

Status bring_up_link(const std::string& device) {
  if (!is_link_name(device)) return Error{Code::kInvalid, "no proper link is named"};
  RouteSocket kernel = TRY(RouteSocket::open());
  return kernel.set_up(TRY(index_of(kernel, device)));
}

Status attend_to(const std::string& event) {
  const auto environment = environment_map();
  if (event == "bound" || event == "renew") return take_lease(TRY(parse_lease(environment)));
  if (event != "deconfig") return Done{};  // leasefail, nak: the client goes on by itself
  const auto device = environment.find("interface");
  return bring_up_link(device == environment.end() ? "" : device->second);
}
}  // namespace

int run_lease_script(const std::vector<std::string>& arguments) {
  keep_log_short();
  const std::string event = arguments.empty() ? "" : arguments.back();
  const Status attended = attend_to(event);
  if (attended) return 0;
  tell(event + ": " + attended.error().message);
  return static_cast<int>(attended.error().code);
}

}  // namespace granary
