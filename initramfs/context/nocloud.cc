// NoCloud: cloud-init's files meta-data, user-data and network-config, on a volume labelled "cidata" or below a URL.
// Taken of meta-data: instance-id, local-hostname (or hostname), public-keys. vendor-data is the OS's.
#include "initramfs/context/network_config.h"
#include "initramfs/context/small_yaml.h"
#include "initramfs/context/sources.h"

namespace granary {

namespace {
// A list of keys, a text of lines, or keys by name.
void add_public_keys(Context& context, const Json& keys) {
  if (keys.is_string()) return add_ssh_keys(context, keys.get<std::string>());
  if (!keys.is_array() && !keys.is_object()) return;
  for (const Json& key : keys)
    if (key.is_string()) add_ssh_keys(context, key.get<std::string>());
}

void take_meta_data(Context& context, ByteView text) {
  const auto meta = parse_small_yaml(text, context.source + ": meta-data");
  if (!meta) return context.complaints.push_back(meta.error().message + "; none of it is taken");
  set_instance_id(context, text_of(*meta, "instance-id"));
  std::string name = text_of(*meta, "local-hostname");
  if (name.empty()) name = text_of(*meta, "hostname");
  set_hostname(context, name);
  add_public_keys(context, member_of(*meta, "public-keys"));
}

class NoCloudDisk : public ContextSource {
 public:
  const char* name() const override { return "nocloud"; }
  bool needs_network() const override { return false; }

  Result<std::optional<Context>> look(const std::vector<SeedVolume>& volumes, const Fetch&) override {
    for (const SeedVolume& volume : volumes) {
      if (!has_label(volume, "cidata")) continue;
      const auto meta_data = TRY(read_seed_file(volume, "meta-data"));
      const auto user_data = TRY(read_seed_file(volume, "user-data"));
      if (!meta_data && !user_data) continue;
      const auto network_config = TRY(read_seed_file(volume, "network-config"));
      return std::optional(
          nocloud_context({meta_data.value_or(""), user_data, network_config}, "NoCloud (" + volume.device + ")"));
    }
    return std::optional<Context>();
  }
};

class NoCloudNetwork : public ContextSource {
 public:
  explicit NoCloudNetwork(std::string seed) : seed_(std::move(seed)) {}
  const char* name() const override { return "nocloud"; }
  bool needs_network() const override { return true; }

  // Its network-config comes too late for us, and is left to the OS.
  Result<std::optional<Context>> look(const std::vector<SeedVolume>&, const Fetch& fetch) override {
    const auto meta_data = TRY(fetch_optional(fetch, {.url = seed_ + "meta-data"}));
    const auto user_data = TRY(fetch_optional(fetch, {.url = seed_ + "user-data"}));
    if (!meta_data && !user_data)
      return Error{Code::kInvalid, "there is neither meta-data nor user-data below " + seed_};
    return std::optional(nocloud_context({meta_data.value_or(""), user_data, std::nullopt}, "NoCloud (" + seed_ + ")"));
  }

 private:
  const std::string seed_;
};
}  // namespace

Context nocloud_context(const NoCloudFiles& files, const std::string& source) {
  Context context;
  context.source = source;
  take_meta_data(context, files.meta_data);
  context.user_data = files.user_data.value_or("");
  if (!files.network_config) return context;
  auto plan = parse_network_config(*files.network_config, source + ": network-config");
  if (plan)
    context.network = std::move(*plan);
  else
    context.complaints.push_back(plan.error().message + "; every link is asked by DHCP instead");
  return context;
}

std::string seed_in_serial(std::string_view serial) {
  while (!serial.empty() && serial.back() <= ' ') serial.remove_suffix(1);
  if (!serial.starts_with("ds=nocloud;") && !serial.starts_with("ds=nocloud-net;")) return {};
  for (size_t at = serial.find(';'); at != std::string_view::npos; at = serial.find(';', at + 1)) {
    std::string_view word = serial.substr(at + 1);
    word = word.substr(0, word.find(';'));
    for (const std::string_view name : {"s=", "seedfrom="}) {
      if (!word.starts_with(name)) continue;
      std::string url(word.substr(name.size()));
      if (!url.starts_with("http://") && !url.starts_with("https://")) return {};
      for (const char c : url)
        if (c <= ' ' || c >= 127) return {};
      return url.ends_with('/') ? url : url + "/";
    }
  }
  return {};
}

std::unique_ptr<ContextSource> nocloud_disk() { return std::make_unique<NoCloudDisk>(); }
std::unique_ptr<ContextSource> nocloud_network(const std::string& seed) {
  return std::make_unique<NoCloudNetwork>(seed);
}

}  // namespace granary
