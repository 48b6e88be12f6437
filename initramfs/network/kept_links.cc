#include "initramfs/network/kept_links.h"

#include <utility>

#include "initramfs/json_reading.h"

namespace granary {

namespace {
bool flag_of(const Json& object, const char* key) {
  const Json& value = member_of(object, key);
  return value.is_boolean() && value.get<bool>();
}

Json written_plan(const LinkPlan& plan) {
  Json routes = Json::array();
  for (const LinkPlan::Route& route : plan.routes) routes.push_back({{"to", route.to}, {"by", route.by}});
  return {{"dhcp", plan.dhcp},         {"dhcp6", plan.dhcp6}, {"addresses", plan.addresses},
          {"gateways", plan.gateways}, {"routes", routes},    {"mtu", plan.mtu}};
}

LinkPlan read_plan(const Json& from) {
  LinkPlan plan;
  plan.dhcp = flag_of(from, "dhcp");
  plan.dhcp6 = flag_of(from, "dhcp6");
  plan.addresses = texts_of(from, "addresses");
  plan.gateways = texts_of(from, "gateways");
  plan.mtu = static_cast<uint32_t>(number_of(from, "mtu").value_or(0));
  for (const Json& route : member_of(from, "routes"))
    plan.routes.push_back({text_of(route, "to"), text_of(route, "by")});
  return plan;
}
}  // namespace

Bytes serialise(const KeptLinks& kept) {
  Json links = Json::array();
  for (const KeptLink& link : kept.links)
    links.push_back({{"index", static_cast<uint64_t>(link.index)},
                     {"device", link.device},
                     {"attended", link.attended},
                     {"carrier", link.carrier},
                     {"plan", written_plan(link.plan)}});
  return written({{"hostname", kept.hostname}, {"links", links}});
}

Result<KeptLinks> parse_kept_links(ByteView note) {
  const Json from = TRY(parse_json(note, "the links' plan"));
  if (!member_of(from, "links").is_array()) return Error{Code::kCorrupt, "the links' plan has no links"};
  KeptLinks kept{text_of(from, "hostname"), {}};
  for (const Json& one : member_of(from, "links")) {
    KeptLink link;
    link.index = static_cast<int>(number_of(one, "index").value_or(0));
    link.device = text_of(one, "device");
    link.attended = flag_of(one, "attended");
    link.carrier = flag_of(one, "carrier");
    link.plan = read_plan(member_of(one, "plan"));
    kept.links.push_back(std::move(link));
  }
  return kept;
}

LinkNeed attend_to_link(KeptLink& link, const LinkState& now, bool is_taken) {
  const bool had_carrier = std::exchange(link.carrier, now.carrier);
  if (!now.carrier) return LinkNeed::kNothing;
  const bool attended = std::exchange(link.attended, true);
  if (!attended) return is_taken ? LinkNeed::kNothing : LinkNeed::kBegin;
  return had_carrier ? LinkNeed::kNothing : LinkNeed::kRenew;
}

}  // namespace granary
