// ConfigDrive: OpenStack's files on a volume labelled "config-2" (Nova), or, as CernVM's launcher makes it, on any ISO;
// the launcher's EC2 names for user data are heeded where OpenStack's are missing.
#include "initramfs/context/sources.h"

namespace granary {

namespace {
class ConfigDrive : public ContextSource {
 public:
  const char* name() const override { return "configdrive"; }
  bool needs_network() const override { return false; }

  Result<std::optional<Context>> look(const std::vector<SeedVolume>& volumes, const Fetch&) override {
    for (const SeedVolume& volume : volumes) {
      if (volume.type != "iso9660" && !has_label(volume, "config-2")) continue;
      const auto meta_data = TRY(read_seed_file(volume, "openstack/latest/meta_data.json"));
      auto user_data = TRY(read_seed_file(volume, "openstack/latest/user_data"));
      if (!user_data) user_data = TRY(read_seed_file(volume, "ec2/latest/user-data"));
      if (!meta_data && !user_data) continue;
      const auto network_data = TRY(read_seed_file(volume, "openstack/latest/network_data.json"));
      return std::optional(TRY(openstack_context({meta_data.value_or("{}"), user_data, network_data},
                                                 "ConfigDrive (" + volume.device + ")")));
    }
    return std::optional<Context>();
  }
};
}  // namespace

std::unique_ptr<ContextSource> config_drive() { return std::make_unique<ConfigDrive>(); }

}  // namespace granary
