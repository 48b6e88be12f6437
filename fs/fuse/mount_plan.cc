#include "fs/fuse/mount_plan.h"

#include <unistd.h>

#include <cerrno>
#include <cstdlib>

#include "fs/base/file.h"
#include "fs/fuse/log_target.h"

namespace granary {

namespace {
// An absolute path stays right when the daemon leaves the directory.
Result<std::string> absolute(const std::string& path) {
  if (path.empty() || path.front() == '/') return path;
  char* const here = ::get_current_dir_name();
  if (here == nullptr) return system_error(errno, "cannot tell where we are");
  const std::string out = str(here, "/", path);
  std::free(here);
  return out;
}

bool is_file(const Setting& setting) {
  if (std::string_view(setting.option->name) == "log") return LogTarget::is_file(setting.value);
  if (std::string_view(setting.option->name) == "cache") return setting.value != kNoCache;
  return setting.option->is_path();
}

// As `given`, but right in every directory.
Result<MountOptions> with_absolute_paths(const MountOptions& given) {
  MountOptions out;
  out.source = given.source;
  out.source_origin = given.source_origin;
  out.mount_point = given.mount_point;
  out.mount_point_origin = given.mount_point_origin;
  out.configured_as = given.configured_as;
  out.config = given.config;
  out.check_only = given.check_only;
  std::vector<Setting> settings = given.settings;
  for (Setting& setting : settings) {
    if (is_file(setting)) setting.value = TRY(absolute(setting.value));
    if (setting.option == find_mount_option("mirror")) setting.value = TRY(repository_url(setting.value));
  }
  TRY(apply_settings(out, std::move(settings)));
  return out;
}

Result<std::vector<SourceWay>> ways_for(const std::string& url, const MountOptions& options) {
  std::vector<std::string> urls{url};
  for (const std::string& mirror : options.mirrors) urls.push_back(TRY(repository_url(mirror)));
  return ways_to(urls, options.proxies);
}

// As they were found when it was mounted: finding them may run a program, or ask the network.
void write_ways(ByteWriter& out, const std::vector<SourceWay>& ways) {
  out.u32(static_cast<uint32_t>(ways.size()));
  for (const SourceWay& way : ways) {
    out.string(way.url).u32(static_cast<uint32_t>(way.proxies.size()));
    for (const auto& group : way.proxies) {
      out.u32(static_cast<uint32_t>(group.size()));
      for (const std::string& proxy : group) out.string(proxy);
    }
  }
}

std::vector<SourceWay> read_ways(ByteReader& in) {
  std::vector<SourceWay> out;
  for (uint32_t ways = in.u32(); ways > 0 && in.ok(); --ways) {
    SourceWay& way = out.emplace_back();
    way.url = in.string();
    for (uint32_t groups = in.u32(); groups > 0 && in.ok(); --groups) {
      auto& group = way.proxies.emplace_back();
      for (uint32_t proxies = in.u32(); proxies > 0 && in.ok(); --proxies) group.emplace_back(in.string());
    }
  }
  return out;
}

void fill_in_places(MountOptions& options, const std::string& repository) {
  if (options.cache_directory.empty()) options.cache_directory = default_cache_directory() + "/" + repository;
  if (options.state_directory.empty()) options.state_directory = default_state_directory();
}
}  // namespace

Result<MountPlan> MountPlan::make(const MountOptions& given) {
  MountOptions options = TRY(with_absolute_paths(given));
  if (options.fill && options.cache_directory == kNoCache)
    return Error{Code::kInvalid, "nothing can be filled without a cache"};
  TrustFile trust = TRY(TrustFile::load(options.trust_file));
  std::string url = TRY(repository_url(options.source));
  fill_in_places(options, trust.repository);
  std::vector<SourceWay> ways = TRY(ways_for(url, options));
  return MountPlan{std::move(options), std::move(trust), std::move(url), std::move(ways)};
}

Result<MountPlan> MountPlan::changed(std::string_view option, const std::vector<std::string>& values,
                                     const std::string& origin) const {
  const MountOption* const row = find_mount_option(option);
  MountPlan out = *this;
  std::erase_if(out.options.settings, [row](const Setting& setting) { return setting.option == row; });
  for (const std::string& value : values) out.options.settings.push_back({row, value, origin});
  out.options = TRY(with_absolute_paths(out.options));
  out.options.cache_directory = options.cache_directory;
  out.options.state_directory = options.state_directory;
  out.ways = TRY(ways_for(url, out.options));
  return out;
}

Bytes MountPlan::serialise() const {
  ByteWriter out;
  out.string(options.source).string(options.source_origin);
  out.string(options.mount_point).string(options.mount_point_origin);
  out.string(options.configured_as).string(options.config).u8(options.check_only);
  out.string(url).string(trust.serialise());
  out.string(options.cache_directory).string(options.state_directory);
  write_ways(out, ways);
  out.u32(static_cast<uint32_t>(options.settings.size()));
  for (const Setting& setting : options.settings)
    out.string(setting.option->name).string(setting.value).string(setting.origin);
  return out.take();
}

Result<MountPlan> MountPlan::parse(ByteView bytes) {
  ByteReader in(bytes);
  MountPlan plan;
  plan.options.source = in.string();
  plan.options.source_origin = in.string();
  plan.options.mount_point = in.string();
  plan.options.mount_point_origin = in.string();
  plan.options.configured_as = in.string();
  plan.options.config = in.string();
  plan.options.check_only = in.u8() != 0;
  plan.url = in.string();
  const Bytes trust(in.string());
  const std::string cache_directory(in.string());
  const std::string state_directory(in.string());
  plan.ways = read_ways(in);
  std::vector<Setting> settings;
  for (uint32_t left = in.u32(); left > 0 && in.ok(); --left) {
    const MountOption* option = find_mount_option(in.string());
    std::string value(in.string());
    std::string origin(in.string());
    if (option != nullptr) settings.push_back({option, std::move(value), std::move(origin)});
  }
  if (!in.ok()) return Error{Code::kInvalid, "cannot go on with the mount: its plan is cut off"};
  TRY(apply_settings(plan.options, std::move(settings)));
  plan.options.cache_directory = cache_directory;
  plan.options.state_directory = state_directory;
  plan.trust = TRY(TrustFile::parse(trust));
  return plan;
}

ConnectionOptions connection_options(const MountPlan& plan) {
  ConnectionOptions options;
  options.url = plan.url;
  options.repository_name = plan.trust.name;
  options.cache_directory = plan.cache_directory();
  options.lower_caches = plan.options.lower_caches;
  options.quota_bytes = plan.options.quota_bytes;
  options.ca_file = plan.options.ca_file;
  options.ways = plan.ways;
  return options;
}

ViewOptions view_options(const MountPlan& plan) {
  ViewOptions options;
  options.url = public_url(plan.url);
  options.trust = plan.trust;
  options.state_directory = plan.state_directory();
  options.archive = plan.options.archive;
  options.allow_withdrawn = plan.options.allow_withdrawn;
  options.is_clock_trusted = plan.options.is_clock_trusted;
  options.time_floor = plan.options.time_floor;
  return options;
}

}  // namespace granary
