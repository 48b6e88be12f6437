// Every link is attended to at once, by one loop that looks at all of them some twenty times a second: a link that has
// a carrier gets its addresses, and a DHCP client if it needs one; it is settled once it has what was planned. We are
// done when all links with a carrier are settled, or some while after the first was: a second card in a network without
// DHCP must not keep the machine waiting. Its client goes on asking.
#include "initramfs/network/network.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <thread>

#include "fs/base/file.h"
#include "initramfs/network/advertised_names.h"
#include "initramfs/network/dhcp_client.h"
#include "initramfs/network/ip_parameter.h"
#include "initramfs/network/kept_links.h"
#include "initramfs/network/link_configuration.h"
#include "initramfs/network/names.h"
#include "initramfs/network/network_notes.h"
#include "initramfs/paths.h"

namespace granary {

namespace {
using Clock = std::chrono::steady_clock;
constexpr std::chrono::milliseconds kTick{50};
constexpr std::chrono::seconds kForCards{5};       // that the kernel still finds
constexpr std::chrono::seconds kForOtherLinks{3};  // once one link is settled
constexpr std::chrono::seconds kForDhcp{5};        // where router advertisements have already given an address

// Cards, and what stands for one in a container.
bool is_usable(const LinkState& link) {
  return link.ethernet && !link.loopback && !link.enslaved &&
         (link.kind.empty() || link.kind == "veth" || link.kind == "macvlan" || link.kind == "ipvlan");
}

struct Job {
  LinkState link;
  LinkPlan plan;
  bool begun = false;  // had a carrier
  Clock::time_point begun_at;
  std::optional<DhcpClient> client, client6;
  std::optional<Lease> lease;
  std::vector<IpPrefix> addresses;  // that it has now
  bool advertised = false;          // a default route for IPv6
  std::string trouble;              // what went wrong last

  bool has_v6() const {
    return std::any_of(addresses.begin(), addresses.end(),
                       [](const IpPrefix& held) { return !held.address.is_v4() && !held.address.is_link_local(); });
  }
  bool has_address() const {
    return has_v6() ||
           std::any_of(addresses.begin(), addresses.end(), [](const IpPrefix& held) { return held.address.is_v4(); });
  }
  bool settled(Clock::time_point now) const {
    if (!begun) return false;
    for (const std::string& text : plan.addresses) {
      const auto planned = IpPrefix::parse(text);
      if (planned && std::find(addresses.begin(), addresses.end(), *planned) == addresses.end()) return false;
    }
    if (plan.dhcp && !lease && !(advertised && has_v6() && now - begun_at > kForDhcp)) return false;
    if (plan.dhcp6 && !has_v6()) return false;
    return has_address() || (plan.addresses.empty() && !plan.dhcp && !plan.dhcp6);
  }
};

class BringUp {
 public:
  BringUp(const Settings& settings, RouteSocket kernel, AdvertisedNames advertised)
      : settings_(settings),
        kernel_(std::move(kernel)),
        advertised_(std::move(advertised)),
        deadline_(Clock::now() + settings.network_timeout) {}

  Result<Network> run(const NetworkPlan& plan) {
    TRY(find_links(plan));
    for (const Job& job : jobs_) note(job.link, kernel_.set_up(job.link.index));
    while (!is_done()) {
      if (Clock::now() >= deadline_) break;
      std::this_thread::sleep_for(kTick);
      TRY(look());
    }
    return outcome();
  }

 private:
  void note(const LinkState& link, const Status& status) {
    if (!status) complain(link.device + ": " + status.error().message);
  }
  void complain(const std::string& line) { network_.complaints.push_back(line); }

  Status find_links(const NetworkPlan& plan);
  void plan_links(const NetworkPlan& plan, std::vector<LinkState> links);
  void add_job(const LinkState& link, const LinkPlan& plan);
  Status look();
  void begin(Job& job);
  void ask(Job& job, DhcpClient::Version version, std::optional<DhcpClient>& client);
  bool is_done();
  Result<Network> outcome();
  void note_what_is_left();
  Network::Link told(const Job& job) const;
  Error failure() const;

  const Settings& settings_;
  RouteSocket kernel_;
  AdvertisedNames advertised_;
  const NetworkNotes notes_{paths::kLasting};
  const Clock::time_point deadline_;
  std::vector<Job> jobs_;
  std::optional<Clock::time_point> first_settled_;
  Network network_;
};

// Waits for the first card; the kernel may find it late.
Status BringUp::find_links(const NetworkPlan& plan) {
  const auto give_up = std::min(deadline_, Clock::now() + kForCards);
  for (;;) {
    auto links = TRY(kernel_.links());
    for (const LinkState& link : links)
      if (link.loopback) note(link, kernel_.set_up(link.index));
    std::erase_if(links, [](const LinkState& link) { return !is_usable(link); });
    const bool enough = !links.empty() && links.size() >= plan.links.size();
    if (enough || (Clock::now() >= give_up && !links.empty())) {
      plan_links(plan, links);
      if (!jobs_.empty()) return Done{};
    }
    if (Clock::now() >= give_up) break;
    std::this_thread::sleep_for(kTick);
  }
  if (!network_.complaints.empty()) return Error{Code::kUnavailable, network_.complaints.front()};
  return Error{Code::kUnavailable,
               "no network card was found; give the machine one that this kernel has a driver for, or say "
               "granary.network=none"};
}

// Links by MAC or device first; then what names neither takes the first that is left. So does what names a device that
// is not here, unless the command line does: contexts name devices as the OS will, after its udev has renamed them.
void BringUp::plan_links(const NetworkPlan& plan, std::vector<LinkState> links) {
  jobs_.clear();
  network_.complaints.clear();
  if (plan.links.empty()) {
    LinkPlan by_dhcp;
    by_dhcp.dhcp = true;
    for (const LinkState& link : links) add_job(link, by_dhcp);
    return;
  }
  const auto take = [&](const LinkPlan& wanted, const auto& fits) {
    const auto found = std::find_if(links.begin(), links.end(), fits);
    if (found == links.end()) return false;
    add_job(*found, wanted);
    links.erase(found);
    return true;
  };
  std::vector<const LinkPlan*> left;
  for (const LinkPlan& wanted : plan.links) {
    const bool by_mac = !wanted.mac.empty();
    const bool named = by_mac || !wanted.device.empty();
    const auto fits = [&](const LinkState& link) {
      return named && (by_mac ? link.mac == wanted.mac : link.device == wanted.device);
    };
    if (!take(wanted, fits)) left.push_back(&wanted);
  }
  for (const LinkPlan* wanted : left) {
    const std::string name = wanted->mac.empty() ? wanted->device : wanted->mac;
    const bool any = name.empty() || (wanted->mac.empty() && plan.origin != kIpParameter);
    const bool taken = any && take(*wanted, [](const LinkState&) { return true; });
    if (name.empty() && taken) continue;
    complain(plan.origin + ": there is no link " + name +
             (taken ? "; " + jobs_.back().link.device + " is taken for it" : ""));
  }
}

void BringUp::add_job(const LinkState& link, const LinkPlan& plan) {
  Job job;
  job.link = link;
  job.plan = plan;
  jobs_.push_back(std::move(job));
}

Status BringUp::look() {
  const auto links = TRY(kernel_.links());
  const auto addresses = TRY(kernel_.addresses());
  const auto routes = TRY(kernel_.default_routes());
  for (Job& job : jobs_) {
    const auto now =
        std::find_if(links.begin(), links.end(), [&](const LinkState& link) { return link.index == job.link.index; });
    if (now == links.end()) continue;
    job.link = *now;
    job.addresses.clear();
    for (const HeldAddress& held : addresses)
      if (held.index == job.link.index && !held.tentative) job.addresses.push_back(held.prefix);
    job.advertised = std::any_of(routes.begin(), routes.end(), [&](const RouteEntry& route) {
      return route.index == job.link.index && !route.to.address.is_v4();
    });
    if (!job.begun && job.link.carrier) begin(job);
    if (job.plan.dhcp && !job.lease) job.lease = notes_.lease_of(job.link.device);
    if (job.client && job.client->has_ended()) {
      job.client.reset();
      job.trouble = "the DHCP client ended; " + notes_.log_of(job.link.device) + " says why";
    }
  }
  return Done{};
}

void BringUp::begin(Job& job) {
  job.begun = true;
  job.begun_at = Clock::now();
  std::vector<std::string> problems;
  const LinkConfiguration wanted = configuration_of(job.plan, job.link.index, problems);
  for (const std::string& line : apply(kernel_, wanted, {})) problems.push_back(line);
  for (const std::string& line : problems) complain(job.link.device + ": " + line);
  if (!problems.empty()) job.trouble = problems.back();
  if (job.plan.dhcp) ask(job, DhcpClient::Version::kDhcp, job.client);
  if (job.plan.dhcp6) ask(job, DhcpClient::Version::kDhcp6, job.client6);
}

void BringUp::ask(Job& job, DhcpClient::Version version, std::optional<DhcpClient>& client) {
  auto started = DhcpClient::start(paths::kLasting, job.link.device, version, settings_.hostname);
  if (started)
    client = *started;
  else
    complain(job.link.device + ": " + started.error().message);
  if (!started && started.error().code != Code::kUnsupported) job.trouble = started.error().message;
}

bool BringUp::is_done() {
  const auto now = Clock::now();
  bool all = true, any = false;
  for (const Job& job : jobs_) {
    const bool settled = job.settled(now);
    any = any || settled;
    all = all && settled;
  }
  if (any && !first_settled_) first_settled_ = now;
  if (all) return true;
  if (!any) return false;
  return now - *first_settled_ >= kForOtherLinks;
}

Network::Link BringUp::told(const Job& job) const {
  Network::Link link;
  link.device = job.link.device;
  link.mac = job.link.mac;
  for (const IpPrefix& held : job.addresses)
    if (!held.address.is_link_local() || held.address.is_v4()) link.addresses.push_back(held.text());
  if (!job.begun)
    link.how = "no carrier";
  else if (job.lease)
    link.how = "DHCP" + (job.lease->server.empty() ? "" : " from " + job.lease->server);
  else if (!job.plan.addresses.empty())
    link.how = "static";
  else if (job.has_v6())
    link.how = "router advertisements";
  else if (!job.trouble.empty())
    link.how = job.trouble;
  else
    link.how = "no answer by DHCP";
  return link;
}

Error BringUp::failure() const {
  std::string message = "within " + std::to_string(settings_.network_timeout.count()) + " s";
  for (const Job& job : jobs_) message += "; " + job.link.device + " (" + job.link.mac + "): " + told(job).how;
  return {Code::kUnavailable, message + "; look at the machine's network, or say ip= or granary.network_timeout="};
}

// For the keeper of the links: what we leave without its configuration, or, having failed, without a client.
void BringUp::note_what_is_left() {
  KeptLinks kept{settings_.hostname, {}};
  for (const Job& job : jobs_)
    kept.links.push_back({job.link.index, job.link.device, network_.up && job.begun, job.link.carrier, job.plan});
  const Status noted = replace_file(notes_.plan_file(), serialise(kept), 0644, Durability::kFast);
  if (!noted) complain(noted.error().message);
}

Result<Network> BringUp::outcome() {
  for (const Job& job : jobs_) network_.up = network_.up || job.has_address();
  note_what_is_left();
  if (!network_.up) {
    for (const Job& job : jobs_) {
      if (job.client) job.client->stop();
      if (job.client6) job.client6->stop();
    }
    return failure();
  }
  advertised_.read();
  network_.dns = advertised_.names().dns;
  network_.search = advertised_.names().search;
  for (const Job& job : jobs_) {
    network_.links.push_back(told(job));
    if (!job.lease) continue;
    if (network_.hostname.empty()) network_.hostname = job.lease->hostname;
    if (network_.dhcp_server.empty()) network_.dhcp_server = job.lease->server;
    for (const std::string& line : job.lease->refused) complain(job.link.device + ": the lease's " + line);
  }
  return std::move(network_);
}

// ip= goes before the context, as everything on the kernel command line does.
Result<NetworkPlan> chosen_plan(const Settings& settings, const NetworkPlan& plan) {
  NetworkPlan chosen = plan;
  if (!settings.ip.empty()) chosen = TRY(parse_ip_parameters(settings.ip));
  if (settings.network == "static" && chosen.links.empty())
    return Error{Code::kInvalid, "granary.network is static, but neither ip= nor the context says how"};
  return chosen;
}

template <class... Lists>
std::vector<std::string> joined(const Lists&... lists) {
  std::vector<std::string> all;
  (all.insert(all.end(), lists.begin(), lists.end()), ...);
  return all;
}

// Who runs in the initramfs itself, such as we, resolves names as those in the lasting root do.
Status link_resolver() {
  struct stat about {};
  if (::lstat("/etc/resolv.conf", &about) == 0) return Done{};
  TRY(make_directories("/etc"));
  if (::symlink(paths::kResolver, "/etc/resolv.conf") == 0 || errno == EEXIST) return Done{};
  return system_error(errno, "cannot make /etc/resolv.conf");
}
}  // namespace

Result<Network> bring_up_network(const Settings& settings, const NetworkPlan& plan) {
  const NetworkPlan chosen = TRY(chosen_plan(settings, plan));
  NetworkNotes notes(paths::kLasting);
  TRY(notes.prepare());
  Resolvers said{joined(settings.dns, chosen.dns), chosen.search, joined(settings.ntp, chosen.ntp)};
  TRY(notes.say(said));
  TRY(notes.write_resolver());
  TRY(link_resolver());
  if (settings.network == "none") return Network{};
  BringUp links(settings, TRY(RouteSocket::open()), TRY(AdvertisedNames::listen()));
  Network network = TRY(links.run(chosen));
  said.dns = joined(said.dns, network.dns);  // those that routers have advertised
  said.search = joined(said.search, network.search);
  TRY(notes.say(said));
  TRY(notes.write_resolver());
  Resolvers resolvers = notes.resolvers();
  network.dns = std::move(resolvers.dns);
  network.search = std::move(resolvers.search);
  network.ntp = std::move(resolvers.ntp);
  if (!chosen.hostname.empty()) network.hostname = chosen.hostname;
  return network;
}

}  // namespace granary
