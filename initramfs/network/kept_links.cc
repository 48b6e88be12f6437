#include "initramfs/network/kept_links.h"

#include <utility>

#include "initramfs/json_reading.h"
#include "initramfs/network/link_plan_note.h"

namespace granary {

Bytes serialise(const KeptLinks& kept) {
  Json links = Json::array();
  for (const KeptLink& link : kept.links)
    links.push_back({{"index", static_cast<uint64_t>(link.index)},
                     {"device", link.device},
                     {"attended", link.attended},
                     {"carrier", link.carrier},
                     {"plan", json_of(link.plan)}});
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
    link.plan = link_plan_of(member_of(one, "plan"));
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
