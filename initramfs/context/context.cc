#include "initramfs/context/context.h"

#include <algorithm>

#include "fs/base/file.h"
#include "initramfs/context/boot_section.h"
#include "initramfs/context/gunzip.h"
#include "initramfs/context/mime.h"
#include "initramfs/context/reachable.h"
#include "initramfs/context/sources.h"
#include "initramfs/context/volumes.h"

namespace granary {

namespace {
constexpr std::chrono::milliseconds kForProbe{2000};
constexpr size_t kMostUnpackedBytes = 8 << 20;
constexpr size_t kMostComplaints = 64;
constexpr const char* kExtraUserData = "granary/extra-user-data";

// In the order of "auto": what is attached before what is asked for.
struct SourceEntry {
  const char* name;
  std::unique_ptr<ContextSource> (*make)(const Settings& settings);  // nothing: not with these settings
};

// The hypervisor may say it in the machine's serial number, as cloud-init has it.
std::string seed_of_this_machine() {
  const auto serial = read_file("/sys/class/dmi/id/product_serial", 4096);
  return serial ? seed_in_serial(*serial) : std::string();
}

std::unique_ptr<ContextSource> nocloud_seed(const Settings& settings) {
  const std::string seed = settings.seed.empty() ? seed_of_this_machine() : settings.seed;
  return seed.empty() ? nullptr : nocloud_network(seed);
}

constexpr SourceEntry kSources[] = {
    {"nocloud", [](const Settings&) { return nocloud_disk(); }},
    {"configdrive", [](const Settings&) { return config_drive(); }},
    {"opennebula", [](const Settings&) { return open_nebula(); }},
    {"nocloud", nocloud_seed},
    {"openstack", [](const Settings&) { return openstack_metadata(); }},
    {"ec2", [](const Settings&) { return ec2_metadata(); }},
};

std::vector<std::string> words_of(const std::string& text) {
  std::vector<std::string> words;
  for (size_t begin = 0; (begin = text.find_first_not_of(" ,", begin)) != std::string::npos;) {
    const size_t end = std::min(text.find_first_of(" ,", begin), text.size());
    words.push_back(text.substr(begin, end - begin));
    begin = end;
  }
  return words;
}

void add_source(const SourceEntry& entry, const Settings& settings,
                std::vector<std::unique_ptr<ContextSource>>& sources) {
  if (auto source = entry.make(settings)) sources.push_back(std::move(source));
}

// Those that do not answer at all are left out.
void keep_reachable(std::vector<std::unique_ptr<ContextSource>>& sources) {
  std::vector<std::string> servers;
  for (const auto& source : sources) servers.push_back(source->server());
  const auto answers = reachable(servers, kForProbe);
  size_t i = 0;
  std::erase_if(sources, [&](const auto&) { return !answers[i++]; });
}

void add_complaints(Context& context, const std::vector<std::string>& complaints) {
  context.complaints.insert(context.complaints.end(), complaints.begin(), complaints.end());
}

// Its sections come behind those of the user data, and so replace what they said. `last`: nobody else will be asked, so
// that, if nobody had anything, this is the context.
void add_extra_user_data(Context& context, bool last) {
  const auto mounted = MountedVolumes::attach(Which::kAll);
  for (const SeedVolume& volume : mounted.volumes()) {
    const auto text = read_seed_file(volume, kExtraUserData);
    if (!text) {
      context.complaints.push_back(text.error().message);
    } else if (*text) {
      Context extra;
      extra.source = "extra user data (" + volume.device + ")";
      extra.user_data = **text;
      consume_user_data(extra);
      if (last && context.source.empty()) context.source = extra.source;
      context.sayings.insert(context.sayings.end(), extra.sayings.begin(), extra.sayings.end());
      add_complaints(context, extra.complaints);
    }
  }
}

void take_text(Context& context, ByteView text, std::string_view type) {
  auto sayings = parse_boot_sections(text, type, context.source, context.complaints);
  std::move(sayings.begin(), sayings.end(), std::back_inserter(context.sayings));
}

// Unpacked, if it was packed.
std::optional<Bytes> unpacked(Context& context, ByteView bytes) {
  if (!is_gzip(bytes)) return Bytes(bytes);
  auto text = gunzip(bytes, kMostUnpackedBytes);
  if (text) return std::move(*text);
  context.complaints.push_back(context.source + ": user data: " + text.error().message + "; the OS gets it as it is");
  return std::nullopt;
}
}  // namespace

std::vector<std::unique_ptr<ContextSource>> context_sources(const Settings& settings) {
  std::vector<std::unique_ptr<ContextSource>> sources;
  if (settings.context == "none") return sources;
  if (settings.context == "auto") {
    for (const SourceEntry& entry : kSources) add_source(entry, settings, sources);
    return sources;
  }
  for (const std::string& word : words_of(settings.context))
    for (const SourceEntry& entry : kSources)
      if (word == entry.name) add_source(entry, settings, sources);
  return sources;
}

Context find_context(const Settings& settings, bool with_network, const Fetch& fetch) {
  auto sources = context_sources(settings);
  std::erase_if(sources, [&](const auto& source) { return source->needs_network() != with_network; });
  std::optional<MountedVolumes> mounted;
  if (!with_network && !sources.empty()) mounted.emplace(MountedVolumes::attach(Which::kSeeds));
  if (with_network) keep_reachable(sources);
  Context context = first_context(sources, mounted ? mounted->volumes() : std::vector<SeedVolume>(), fetch);
  if (mounted) add_complaints(context, mounted->complaints());
  mounted.reset();
  if (settings.extra_user_data) add_extra_user_data(context, with_network || settings.network == "none");
  if (context.complaints.size() > kMostComplaints) context.complaints.resize(kMostComplaints);
  return context;
}

Context first_context(const std::vector<std::unique_ptr<ContextSource>>& sources,
                      const std::vector<SeedVolume>& volumes, const Fetch& fetch) {
  std::vector<std::string> complaints;
  for (const auto& source : sources) {
    auto found = source->look(volumes, fetch);
    if (!found) {
      complaints.push_back(std::string(source->name()) + ": " + found.error().message + "; the next source is asked");
    } else if (*found) {
      Context context = std::move(**found);
      context.complaints.insert(context.complaints.begin(), complaints.begin(), complaints.end());
      consume_user_data(context);
      return context;
    }
  }
  Context none;
  none.complaints = std::move(complaints);
  return none;
}

void consume_user_data(Context& context) {
  const auto text = unpacked(context, context.user_data);
  if (!text) return;
  if (!is_multipart(*text)) return take_text(context, *text, "");
  std::vector<std::string> problems;
  for (const MimePart& part : parts_of(*text, problems))
    if (const auto inner = unpacked(context, part.bytes)) take_text(context, *inner, part.type);
  for (const std::string& problem : problems) context.complaints.push_back(context.source + ": user data: " + problem);
}

}  // namespace granary
