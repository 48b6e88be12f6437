// OpenStack's metadata server, and the same files wherever they lie: meta_data.json (uuid, hostname or name,
// public_keys), user_data, network_data.json. Read below openstack/latest.
#include "initramfs/context/network_config.h"
#include "initramfs/context/sources.h"
#include "initramfs/json_reading.h"

namespace granary {

namespace {
class OpenStackMetadata : public ContextSource {
 public:
  explicit OpenStackMetadata(const std::string& server) : folder_(server + "openstack/latest/") {}
  const char* name() const override { return "openstack"; }
  bool needs_network() const override { return true; }
  std::string server() const override { return folder_; }

  // The network is up: its network_data.json is left to the OS.
  Result<std::optional<Context>> look(const std::vector<SeedVolume>&, const Fetch& fetch) override {
    const auto meta_data = TRY(fetch_optional(fetch, {.url = folder_ + "meta_data.json"}));
    if (!meta_data) return std::optional<Context>();
    const auto user_data = TRY(fetch_optional(fetch, {.url = folder_ + "user_data"}));
    return std::optional(TRY(openstack_context({*meta_data, user_data, std::nullopt}, "OpenStack (" + folder_ + ")")));
  }

 private:
  const std::string folder_;
};
}  // namespace

Result<Context> openstack_context(const OpenStackFiles& files, const std::string& source) {
  const Json meta = TRY(parse_json(files.meta_data, source + ": meta_data.json"));
  if (!meta.is_object()) return Error{Code::kCorrupt, source + ": meta_data.json is no object"};
  Context context;
  context.source = source;
  set_instance_id(context, text_of(meta, "uuid"));
  std::string name = text_of(meta, "hostname");
  if (name.empty()) name = text_of(meta, "name");
  set_hostname(context, name);
  if (const Json& keys = member_of(meta, "public_keys"); keys.is_object())
    for (const Json& key : keys)
      if (key.is_string()) add_ssh_keys(context, key.get<std::string>());
  context.user_data = files.user_data.value_or("");
  if (!files.network_data) return context;
  auto plan = parse_network_data(*files.network_data, source + ": network_data.json");
  if (plan)
    context.network = std::move(*plan);
  else
    context.complaints.push_back(plan.error().message + "; every link is asked by DHCP instead");
  return context;
}

std::unique_ptr<ContextSource> openstack_metadata(const std::string& server) {
  return std::make_unique<OpenStackMetadata>(server);
}

}  // namespace granary
