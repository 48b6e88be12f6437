// A context in the scratch state: JSON, user data as base64.
#include "initramfs/context/context.h"
#include "initramfs/json_reading.h"
#include "initramfs/network/link_plan_note.h"

namespace granary {

namespace {
constexpr uint64_t kVersion = 1;
constexpr const char* kWhat = "the saved context";

Json json_of(const NetworkPlan& plan) {
  Json links = Json::array();
  for (const LinkPlan& link : plan.links) links.push_back(json_of(link));
  return {{"links", links},  {"dns", plan.dns},           {"search", plan.search},
          {"ntp", plan.ntp}, {"hostname", plan.hostname}, {"origin", plan.origin}};
}

NetworkPlan plan_of(const Json& json) {
  NetworkPlan plan;
  if (const Json& links = member_of(json, "links"); links.is_array())
    for (const Json& link : links) plan.links.push_back(link_plan_of(link));
  plan.dns = texts_of(json, "dns");
  plan.search = texts_of(json, "search");
  plan.ntp = texts_of(json, "ntp");
  plan.hostname = text_of(json, "hostname");
  plan.origin = text_of(json, "origin");
  return plan;
}
}  // namespace

Bytes serialise(const Context& context) {
  Json sayings = Json::array();
  for (const Saying& saying : context.sayings)
    sayings.push_back({{"name", saying.name}, {"value", saying.value}, {"origin", saying.origin}});
  return written({{"version", kVersion},
                  {"source", context.source},
                  {"instance_id", context.instance_id},
                  {"hostname", context.hostname},
                  {"ssh_keys", context.ssh_keys},
                  {"network", json_of(context.network)},
                  {"user_data", to_base64(context.user_data)},
                  {"sayings", sayings},
                  {"complaints", context.complaints}});
}

Result<Context> parse_context(ByteView bytes) {
  const Json json = TRY(parse_json(bytes, kWhat));
  if (number_of(json, "version") != kVersion)
    return Error{Code::kUnsupported, std::string(kWhat) + ": not of version 1; it is made anew"};
  Context context;
  context.source = text_of(json, "source");
  context.instance_id = text_of(json, "instance_id");
  context.hostname = text_of(json, "hostname");
  context.ssh_keys = texts_of(json, "ssh_keys");
  context.network = plan_of(member_of(json, "network"));
  context.user_data = TRY_WITHIN(kWhat, from_base64(text_of(json, "user_data")));
  if (const Json& sayings = member_of(json, "sayings"); sayings.is_array())
    for (const Json& saying : sayings)  // whatever the file says: a context's word is a context's
      context.sayings.push_back(
          {text_of(saying, "name"), text_of(saying, "value"), SaidBy::kContext, text_of(saying, "origin")});
  context.complaints = texts_of(json, "complaints");
  return context;
}

}  // namespace granary
