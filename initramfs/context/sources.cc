#include "initramfs/context/sources.h"

#include <algorithm>

#include "fs/base/file.h"
#include "initramfs/network/names.h"

namespace granary {

namespace {
constexpr size_t kMostKeyBytes = 16 << 10, kMostKeys = 256, kMostIdBytes = 256;

bool is_line(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) >= ' ' && c != 127; });
}

// "[options ]TYPE BASE64[ comment]"
bool is_ssh_key(std::string_view line) {
  static constexpr std::string_view kTypes[] = {"ssh-ed25519 ", "ssh-rsa ", "ssh-dss ",
                                                "ecdsa-sha2-",  "sk-ssh-",  "sk-ecdsa-"};
  return line.size() <= kMostKeyBytes && is_line(line) &&
         std::any_of(std::begin(kTypes), std::end(kTypes),
                     [&](std::string_view type) { return line.find(type) != std::string_view::npos; });
}

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }
}  // namespace

Result<std::optional<Bytes>> read_seed_file(const SeedVolume& volume, const std::string& path) {
  auto bytes = read_file(volume.folder + "/" + path, kMostUserDataBytes);
  if (bytes) return std::optional<Bytes>(std::move(*bytes));
  if (bytes.error().code == Code::kNotFound) return std::optional<Bytes>();
  return Error{Code::kCorrupt, volume.device + ": " + bytes.error().message};
}

Result<std::optional<Bytes>> fetch_optional(const Fetch& fetch, FetchRequest request) {
  request.limit_bytes = kMostUserDataBytes;
  auto bytes = fetch(request);
  if (bytes) return std::optional<Bytes>(std::move(*bytes));
  if (bytes.error().code == Code::kNotFound) return std::optional<Bytes>();
  return bytes.error();
}

void set_hostname(Context& context, const std::string& name) {
  if (name.empty()) return;
  if (is_dns_name(name))
    context.hostname = name;
  else
    context.complaints.push_back(context.source + ": \"" + printable(name) + "\" is no host's name; left out");
}

void set_instance_id(Context& context, const std::string& id) {
  if (id.size() <= kMostIdBytes && is_line(id))
    context.instance_id = id;
  else
    context.complaints.push_back(context.source + ": the instance's id is no line of text; left out");
}

void add_ssh_keys(Context& context, std::string_view lines) {
  while (!lines.empty()) {
    const size_t end = lines.find('\n');
    std::string_view line = lines.substr(0, end);
    lines.remove_prefix(end == std::string_view::npos ? lines.size() : end + 1);
    while (!line.empty() && (line.back() == '\r' || line.back() == ' ')) line.remove_suffix(1);
    while (!line.empty() && line.front() == ' ') line.remove_prefix(1);
    if (line.empty() || line.front() == '#') continue;
    const bool known = std::find(context.ssh_keys.begin(), context.ssh_keys.end(), line) != context.ssh_keys.end();
    if (known || context.ssh_keys.size() == kMostKeys) continue;
    if (is_ssh_key(line))
      context.ssh_keys.emplace_back(line);
    else
      context.complaints.push_back(context.source + ": \"" + printable(line.substr(0, 40)) +
                                   "\" is no public ssh key; left out");
  }
}

bool has_label(const SeedVolume& volume, std::string_view label) {
  return volume.label.size() == label.size() && std::equal(label.begin(), label.end(), volume.label.begin(),
                                                           [](char a, char b) { return lower(a) == lower(b); });
}

}  // namespace granary
