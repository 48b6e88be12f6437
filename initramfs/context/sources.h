// The sources of contexts, a small file each. What they share: reading a file of a volume, the words for where
// something came from, and the addresses of metadata servers, which tests replace.
#pragma once

#include <memory>
#include <string>

#include "initramfs/context/context.h"

namespace granary {

inline constexpr size_t kMostUserDataBytes = 1 << 20;
inline constexpr const char* kMetadataServer = "http://169.254.169.254/";

std::unique_ptr<ContextSource> nocloud_disk();
std::unique_ptr<ContextSource> nocloud_network(const std::string& seed);  // a URL ending in "/"
std::unique_ptr<ContextSource> config_drive();
std::unique_ptr<ContextSource> open_nebula();
std::unique_ptr<ContextSource> openstack_metadata(const std::string& server = kMetadataServer);
std::unique_ptr<ContextSource> ec2_metadata(const std::string& server = kMetadataServer);

// A file of a volume; nothing if it is not there.   kCorrupt  cannot be read, or is too long
Result<std::optional<Bytes>> read_seed_file(const SeedVolume& volume, const std::string& path);

// Something that may be missing at a server: nothing, then.   kUnavailable
Result<std::optional<Bytes>> fetch_optional(const Fetch& fetch, FetchRequest request);

// NoCloud's files, wherever they were.
struct NoCloudFiles {
  Bytes meta_data;
  std::optional<Bytes> user_data, network_config;
};
// Of "ds=nocloud;s=http://192.0.2.1/seed/", the URL; nothing if the serial number says something else.
std::string seed_in_serial(std::string_view serial);
Context nocloud_context(const NoCloudFiles& files, const std::string& source);

// OpenStack's files, wherever they were.   kCorrupt  meta_data.json is none
struct OpenStackFiles {
  Bytes meta_data;
  std::optional<Bytes> user_data, network_data;
};
Result<Context> openstack_context(const OpenStackFiles& files, const std::string& source);

// Of OpenNebula's context.sh.
Context open_nebula_context(ByteView script, const std::string& source);

// What is taken only if it is one; else a complaint.
void set_hostname(Context& context, const std::string& name);
void set_instance_id(Context& context, const std::string& id);
void add_ssh_keys(Context& context, std::string_view lines);  // one key a line

bool has_label(const SeedVolume& volume, std::string_view label);  // in any case of letters

}  // namespace granary
