#include "initramfs/os_files.h"

#include <fcntl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>

#include "fs/base/file.h"
#include "fs/base/program.h"
#include "initramfs/folder.h"
#include "initramfs/paths.h"
#include "initramfs/posted_layer.h"

namespace granary {

namespace {
constexpr size_t kMaxFileBytes = 1 << 20;

std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const size_t end = text.find('\n');
    lines.emplace_back(text.substr(0, end));
    if (end == std::string_view::npos) break;
    text.remove_prefix(end + 1);
  }
  return lines;
}

std::vector<std::string> words_of(std::string_view line) {
  std::vector<std::string> words;
  for (size_t at = 0; (at = line.find_first_not_of(" \t", at)) != std::string_view::npos;) {
    const size_t end = std::min(line.find_first_of(" \t", at), line.size());
    words.emplace_back(line.substr(at, end - at));
    at = end;
  }
  return words;
}

// Symbolic links of the tree are the OS's: absolute ones would lead us out of its root.
bool is_link(const std::string& path) {
  struct stat status {};
  return ::lstat(path.c_str(), &status) == 0 && S_ISLNK(status.st_mode);
}

std::string text_of(const std::string& path) {
  const auto text = is_link(path) ? Result<Bytes>(Error{Code::kNotFound, ""}) : read_file(path, kMaxFileBytes);
  return text ? *text : std::string();
}

bool is_here(const std::string& device) {
  // Labels and UUIDs are the tree's cook's: no link in /dev/disk exists yet, and none of our disks is meant.
  return device.starts_with("/dev/") && exists(device);
}

Result<bool> settle_fstab(const OsPlan& plan) {
  const std::string path = plan.root + "/etc/fstab";
  const std::string text = neutral_fstab(text_of(path), is_here);
  if (text.empty()) return false;
  TRY(replace_file(path, text, 0644, Durability::kFast));
  return true;
}

// The OS's own resolver (a link to /run/…) knows better; what people wrote stays.
Result<bool> settle_resolver(const OsPlan& plan) {
  const std::string path = plan.root + "/etc/resolv.conf";
  if (plan.dns.empty() || !exists(plan.root + "/etc")) return false;
  const std::string wanted = resolver_text(plan.dns, plan.search), there = text_of(path);
  // A dangling link in the tree leads to what a service of the OS will write.
  if (is_link(path) || there == wanted) return false;
  const std::string first_mark = plan.root + "/var/lib/granary/resolver";
  const bool ours = there.empty() || there.starts_with(kOurMark) || !exists(first_mark);
  if (!ours) return false;
  TRY(replace_file(path, wanted, 0644, Durability::kFast));
  TRY(make_directories(plan.root + "/var/lib/granary"));
  TRY(replace_file(first_mark, "", 0644, Durability::kFast));
  return true;
}

Result<bool> settle_hostname(const OsPlan& plan) {
  if (plan.hostname.empty()) return false;
  // cloud-init has named this machine at an earlier start, and takes another name for somebody's will.
  if (has_cloud_init(plan.root) && exists(plan.root + "/var/lib/cloud/data/previous-hostname")) return false;
  const std::string name = plan.hostname.substr(0, plan.hostname.find('.'));
  if (::sethostname(plan.hostname.data(), plan.hostname.size()) != 0) return system_error(errno, "cannot set the name");
  const std::string path = plan.root + "/etc/hostname";
  if (text_of(path) == plan.hostname + "\n") return false;
  TRY(replace_file(path, plan.hostname + "\n", 0644, Durability::kFast));
  const std::string hosts = plan.root + "/etc/hosts";
  const std::string text = text_of(hosts);
  if (!text.empty() && text.find(name) == std::string::npos)
    TRY(replace_file(hosts, text + "127.0.1.1 " + plan.hostname + (name == plan.hostname ? "" : " " + name) + "\n",
                     0644, Durability::kFast));
  return true;
}

// Of this machine, for as long as its scratch lives; never the one a tree was cooked with.
Result<bool> settle_machine_id(const OsPlan& plan) {
  const std::string kept = plan.state_folder + "/machine-id";
  Bytes id = text_of(kept);
  if (id.size() != 33) {
    char random[16];
    if (::getrandom(random, sizeof random, 0) != sizeof random) return system_error(errno, "no random numbers");
    // RFC 4122, version 4, as machine-id(5) has it.
    random[6] = static_cast<char>((random[6] & 0x0f) | 0x40);
    random[8] = static_cast<char>((random[8] & 0x3f) | 0x80);
    id = to_hex({random, sizeof random}) + "\n";
    TRY(replace_file(kept, id, 0644, Durability::kFast));
  }
  const std::string path = plan.root + "/etc/machine-id";
  if (!exists(plan.root + "/etc") || text_of(path) == id) return false;
  TRY(replace_file(path, id, 0444, Durability::kFast));
  return true;
}

Result<bool> settle_ssh_keys(const OsPlan& plan) {
  if (plan.ssh_keys.empty() || has_cloud_init(plan.root)) return false;
  const std::string folder = plan.root + "/root/.ssh", path = folder + "/authorized_keys";
  if (is_link(folder) || is_link(plan.root + "/root")) return false;
  std::string text = text_of(path);
  bool changed = false;
  for (const std::string& key : plan.ssh_keys) {
    if (key.empty() || text.find(key) != std::string::npos) continue;
    text += (text.empty() || text.back() == '\n' ? "" : "\n") + key + "\n";
    changed = true;
  }
  if (!changed) return false;
  TRY(make_directories(folder, 0700));
  TRY(replace_file(path, text, 0600, Durability::kFast));
  return true;
}

Result<bool> hand_context_on(const OsPlan& plan) {
  if (plan.instance_id.empty() && plan.user_data.empty() && plan.ssh_keys.empty()) return false;
  if (!has_cloud_init(plan.root)) return false;
  const std::string seed = plan.root + "/var/lib/cloud/seed/nocloud";
  TRY(make_directories(seed, 0700));
  std::string meta = "instance-id: " + (plan.instance_id.empty() ? "granary" : plan.instance_id) + "\n";
  if (!plan.hostname.empty()) meta += "local-hostname: " + plan.hostname + "\n";
  if (!plan.ssh_keys.empty()) meta += "public-keys:\n";
  for (const std::string& key : plan.ssh_keys) meta += "  - \"" + key + "\"\n";
  TRY(replace_file(seed + "/meta-data", meta, 0600, Durability::kFast));
  TRY(replace_file(seed + "/user-data", plan.user_data, 0600, Durability::kFast));
  return true;
}

// Through the overlay, as files that the OS has: each start looks whether they still say it.
Result<bool> settle_sysvinit(const OsPlan& plan) {
  if (os_init_of(plan.root) != OsInit::kSysvinit) return false;
  bool changed = false;
  const auto replace = [&](const std::string& path, const std::string& text) -> Status {
    if (text.empty()) return Done{};
    changed = true;
    return replace_file(plan.root + path, text, path == "/etc/inittab" ? 0644 : 0755, Durability::kFast);
  };
  TRY(replace("/etc/inittab", inittab_with_mark(text_of(plan.root + "/etc/inittab"))));
  for (const auto& [path, verb] :
       {std::pair("/etc/init.d/halt", "poweroff"), std::pair("/etc/init.d/reboot", "reboot")})
    TRY(replace(path, end_script_with_hook(text_of(plan.root + path), verb)));
  return changed;
}

Result<bool> settle_host_keys(const OsPlan& plan) {
  if (plan.keeps_changes || restore_host_keys(plan.root, plan.state_folder) == 0) return false;
  if (!has_cloud_init(plan.root)) return true;
  // To cloud-init a fresh layer is a fresh machine, whose keys it would replace.
  const std::string folder = plan.root + "/etc/cloud/cloud.cfg.d";
  TRY(make_directories(folder));
  TRY(replace_file(folder + "/99_granary_keys.cfg", "ssh_deletekeys: false\n", 0644, Durability::kFast));
  return true;
}

// Once in the life of a writable layer. Who may say user data may say anything of this machine: it is unpacked as root.
Result<bool> inject(const OsPlan& plan) {
  const std::string mark = plan.root + "/var/lib/granary/injected";
  if (plan.inject.empty() || exists(mark)) return false;
  Program tar;
  tar.words = {paths::kBusybox, "tar", "-xzf", "-", "-C", plan.root};
  tar.input = TRY(from_base64(plan.inject));
  tar.errors = Program::Stream::kCapture;
  tar.timeout = std::chrono::minutes(2);
  TRY_WITHIN("cannot unpack what was injected", run_program_well(tar));
  TRY(make_directories(plan.root + "/var/lib/granary"));
  TRY(replace_file(mark, "", 0644, Durability::kFast));
  return true;
}

std::vector<std::string> host_key_names(const std::string& folder) {
  std::vector<std::string> names;
  for (const std::string& name : names_in(folder)) {
    if (name.starts_with("ssh_host_") && (name.ends_with("_key") || name.ends_with("_key.pub"))) names.push_back(name);
  }
  return names;
}

size_t copy_host_keys(const std::string& from, const std::string& to) {
  size_t copied = 0;
  for (const std::string& name : host_key_names(from)) {
    const std::string key = text_of(str(from, "/", name));
    if (key.empty() || key == text_of(str(to, "/", name))) continue;
    const mode_t mode = name.ends_with(".pub") ? 0644 : 0600;
    copied += bool(make_directories(to)) && bool(replace_file(str(to, "/", name), key, mode, Durability::kFast));
  }
  return copied;
}
}  // namespace

std::string prepare_os_files(const OsPlan& plan, std::vector<std::string>& complaints) {
  static constexpr std::pair<const char*, Result<bool> (*)(const OsPlan&)> kChanges[]{
      {"fstab", settle_fstab},
      {"resolv.conf", settle_resolver},
      {"hostname", settle_hostname},
      {"sysvinit's files", settle_sysvinit},
      {"machine-id", settle_machine_id},
      {"ssh keys", settle_ssh_keys},
      {"ssh host keys", settle_host_keys},
      {"cloud-init's seed", hand_context_on},
      {"injected files", inject}};
  std::string changed;
  for (const auto& [name, settle] : kChanges) {
    const Result<bool> outcome = settle(plan);
    if (!outcome) complaints.push_back(str("cannot settle ", name, ": ", outcome.error().message));
    if (outcome && *outcome) changed += (changed.empty() ? "" : ", ") + std::string(name);
  }
  return changed.empty() ? "as they were" : changed;
}

std::string neutral_fstab(std::string_view text, const std::function<bool(const std::string&)>& device_is_here) {
  std::string out;
  bool changed = false;
  for (const std::string& line : lines_of(text)) {
    const std::vector<std::string> words = words_of(line);
    const bool entry = words.size() >= 2 && words[0].front() != '#';
    const bool of_a_disk = entry && (words[0].find('=') != std::string::npos || words[0].starts_with("/dev/"));
    const bool ours = entry && (words[1] == "/" || words[1] == "/usr" || words[1] == "/run");
    const bool foreign = ours || (of_a_disk && !device_is_here(words[0]));
    out += (foreign ? "# (not on this machine: Granary's micro image) " : "") + line + "\n";
    changed |= foreign;
  }
  return changed ? out : std::string();
}

std::string inittab_with_mark(std::string_view text) {
  // init puts "exec" before what is for a shell: a shell of its own it has to be.
  constexpr std::pair<const char*, const char*> kLines[]{
      {"ssh host keys of this machine",
       "gk::bootwait:/bin/sh -c 'test ! -x /usr/bin/ssh-keygen || /usr/bin/ssh-keygen -A'\n"},
      {"the boot-complete mark", "gb:2345:once:/run/initramfs/bin/granary-guest boot-complete\n"}};
  if (text.empty()) return {};
  std::string out(text);
  for (const auto& [what, line] : kLines)
    if (text.find(line) == std::string_view::npos)
      out += str(out.back() == '\n' ? "" : "\n", "# Granary's micro image: ", what, "\n", line);
  return out == text ? std::string() : out;
}

std::string end_script_with_hook(std::string_view text, const std::string& verb) {
  const size_t line = text.find('\n');
  if (!text.starts_with("#!") || line == std::string_view::npos || text.find("end-sysvinit") != std::string_view::npos)
    return {};
  return std::string(text.substr(0, line + 1)) +
         "[ \"$1\" != stop ] || [ ! -x /run/initramfs/bin/granary-init ] || exec /run/initramfs/bin/granary-init "
         "end-sysvinit " +
         verb + "  # Granary's micro image\n" + std::string(text.substr(line + 1));
}

std::string resolver_text(const std::vector<std::string>& dns, const std::vector<std::string>& search) {
  std::string text = std::string(kOurMark) + "; what you write here yourself stays.\n";
  if (!search.empty()) text += "search";
  for (const std::string& domain : search) text += " " + domain;
  if (!search.empty()) text += "\n";
  for (const std::string& server : dns) text += "nameserver " + server + "\n";
  return text;
}

size_t keep_host_keys(const std::string& root, const std::string& state_folder) {
  const std::string kept = state_folder + "/ssh";
  (void)make_directories(kept, 0700);
  return copy_host_keys(root + "/etc/ssh", kept);
}

size_t restore_host_keys(const std::string& root, const std::string& state_folder) {
  return exists(root + "/etc/ssh") ? copy_host_keys(state_folder + "/ssh", root + "/etc/ssh") : 0;
}

}  // namespace granary
