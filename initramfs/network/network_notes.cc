#include "initramfs/network/network_notes.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>

#include "fs/base/file.h"
#include "initramfs/folder.h"
#include "initramfs/json_reading.h"
#include "initramfs/network/names.h"

namespace granary {

namespace {
constexpr size_t kMostNoteBytes = 1 << 20;
constexpr size_t kMostServers = 8, kMostDomains = 16;
constexpr const char* kNoteEnd = ".json";

void add_new(std::vector<std::string>& all, const std::vector<std::string>& more) {
  for (const std::string& one : more)
    if (std::find(all.begin(), all.end(), one) == all.end()) all.push_back(one);
}

// The links that have a note, in order.
std::vector<std::string> noted_devices(const std::string& folder) {
  std::vector<std::string> devices;
  for (std::string& name : names_in(folder)) {
    if (!name.ends_with(kNoteEnd)) continue;
    name.resize(name.size() - std::string_view(kNoteEnd).size());
    if (is_link_name(name)) devices.push_back(name);
  }
  std::sort(devices.begin(), devices.end());
  return devices;
}
}  // namespace

Status NetworkNotes::prepare() {
  TRY(make_directories(root_ + "/etc"));
  TRY(remove_tree(folder()));
  return make_directories(folder());
}

Status NetworkNotes::say(const Resolvers& said) {
  return replace_file(folder() + "/said", written({{"dns", said.dns}, {"search", said.search}, {"ntp", said.ntp}}),
                      0644, Durability::kFast);
}

Status NetworkNotes::note(const Lease& lease) {
  return replace_file(folder() + "/" + lease.device + kNoteEnd, serialise(lease), 0644, Durability::kFast);
}

Status NetworkNotes::forget(const std::string& device) { return remove_tree(folder() + "/" + device + kNoteEnd); }

std::optional<Lease> NetworkNotes::lease_of(const std::string& device) const {
  const auto bytes = read_file(folder() + "/" + device + kNoteEnd, kMostNoteBytes);
  if (!bytes) return std::nullopt;
  auto lease = parse_lease_note(*bytes);
  if (!lease || lease->device != device) return std::nullopt;
  return std::move(*lease);
}

Resolvers NetworkNotes::said() const {
  const auto bytes = read_file(folder() + "/said", kMostNoteBytes);
  const auto said = bytes ? parse_json(*bytes, "said") : Result<Json>(bytes.error());
  Resolvers all;
  if (!said) return all;
  add_new(all.dns, texts_of(*said, "dns"));
  add_new(all.search, texts_of(*said, "search"));
  add_new(all.ntp, texts_of(*said, "ntp"));
  return all;
}

Resolvers NetworkNotes::resolvers() const {
  Resolvers all = said();
  for (const std::string& device : noted_devices(folder())) {
    const auto lease = lease_of(device);
    if (!lease) continue;
    add_new(all.dns, lease->dns);
    add_new(all.search, lease->search);
    add_new(all.ntp, lease->ntp);
  }
  return all;
}

Status NetworkNotes::write_resolver() const {
  return write_in_place(root_ + "/etc/resolv.conf", resolver_text(resolvers()));
}

std::string resolver_text(const Resolvers& resolvers) {
  std::string text;
  for (const std::string& server : resolvers.dns) {
    if (std::count(text.begin(), text.end(), '\n') == kMostServers) break;
    if (IpAddress::parse(server)) text += "nameserver " + server + "\n";
  }
  std::string domains;
  size_t count = 0;
  for (const std::string& domain : resolvers.search)
    if (is_dns_name(domain) && count++ < kMostDomains) domains += " " + domain;
  if (!domains.empty()) text = "search" + domains + "\n" + text;
  return text;
}

Status write_in_place(const std::string& path, ByteView bytes) {
  const UniqueFd file = TRY(open_file(path, O_WRONLY | O_CREAT, 0644));
  TRY(write_all_at(file.get(), 0, bytes));
  if (::ftruncate(file.get(), static_cast<off_t>(bytes.size())) != 0)
    return system_error(errno, "cannot shorten " + path);
  return Done{};
}

}  // namespace granary
