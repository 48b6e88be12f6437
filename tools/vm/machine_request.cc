#include "tools/vm/machine_request.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include <filesystem>

#include "fs/base/file.h"
#include "fs/base/program.h"
#include "tools/vm/acceleration.h"
#include "tools/vm/micro_media.h"
#include "tools/vm/seed.h"

namespace granary {

namespace {
constexpr uint64_t kOwnDiskBytes = uint64_t{8} << 30;  // sparse
constexpr const char* kHostForGuest = "10.0.2.2";

template <class T>
void put(OrderedJson& json, const char* name, const T& value) {
  if (value != T{}) json[name] = value;
}

template <class T>
void take(const OrderedJson& json, const char* name, T& value) {
  if (json.contains(name)) value = json.at(name).get<T>();
}

// What both directions go through.
template <class Request, class Visit>
void each_field(Request& request, Visit visit) {
  visit("name", request.name), visit("repository", request.repository), visit("trust", request.trust);
  visit("branch", request.branch), visit("tag", request.tag), visit("snapshot", request.snapshot);
  visit("memory_bytes", request.memory_bytes), visit("cpus", request.cpus), visit("context", request.context);
  visit("disk", request.disk), visit("disk_bytes", request.disk_bytes), visit("graphic", request.graphic);
  visit("uefi", request.uefi), visit("ssh_key", request.ssh_key), visit("kernel", request.kernel);
  visit("initrd", request.initrd), visit("image", request.image), visit("settings", request.settings);
  visit("append", request.append), visit("qemu_words", request.qemu_words);
}

std::string random_hex() {
  unsigned char bytes[8] = {};
  static_cast<void>(::getrandom(bytes, sizeof bytes, 0));
  return to_hex({reinterpret_cast<const char*>(bytes), sizeof bytes});
}

sockaddr_in loopback(uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

// `wanted`, 0 for any: one that nobody listens at now.
Result<uint16_t> free_port(uint16_t wanted) {
  const UniqueFd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const int yes = 1;
  ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  sockaddr_in address = loopback(wanted);
  if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    return Error{Code::kBusy, str("port ", wanted, " of 127.0.0.1 is taken; --ssh-port 0 takes a free one")};
  socklen_t length = sizeof address;
  ::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&address), &length);
  return ntohs(address.sin_port);
}

// ---- What the micro image is told.

using Settings = std::vector<std::pair<std::string, std::string>>;

Settings settings_of(const MachineRequest& request, const std::string& url) {
  Settings out;
  const auto say = [&](const char* name, const std::string& value) {
    if (!value.empty()) out.emplace_back(name, value);
  };
  say("repository", url);
  say("branch", request.branch);
  say("tag", request.tag);
  say("snapshot", request.snapshot);
  out.insert(out.end(), request.settings.begin(), request.settings.end());
  return out;
}

// Emulated on a busy host, timers are late: the kernel would take them for broken and stop.
std::string command_line_of(const std::string& of_the_image, const MachineRequest& request, const Settings& settings,
                            bool is_emulated) {
  std::string out = of_the_image;
  if (out.find("console=") == std::string::npos)
    out += str(out.empty() ? "" : " ", request.graphic ? "console=tty0 " : "", "console=ttyS0,115200");
  if (out.find("panic=") == std::string::npos) out += " panic=10";
  if (is_emulated) out += " no_timer_check";
  for (const auto& [name, value] : settings) {
    const bool is_quoted = value.find_first_of(" \t") != std::string::npos;
    out += str(" granary.", name, value.empty() ? "" : "=", is_quoted ? "\"" : "", value, is_quoted ? "\"" : "");
  }
  return request.append.empty() ? out : out + " " + request.append;
}

// ---- Its parts.

Result<std::string> url_of(const MachineRequest& request, std::unique_ptr<HttpServer>& server) {
  if (!request.repository_is_directory()) return url_for_guest(request.repository);
  HttpServerOptions options;
  options.listen = "127.0.0.1:0";
  server = TRY(HttpServer::start(request.repository, options));
  return url_for_guest(server->url());
}

Result<std::string> trust_of(const MachineRequest& request) {
  if (!request.trust.empty()) return request.trust;
  const std::string own = request.repository + "/.granary/trust.json";
  if (request.repository_is_directory() && exists(own)) return own;
  return Error{Code::kInvalid, "whom does the machine trust? Say --trust FILE: it goes into the micro image"};
}

Result<MicroMedia> media_of(const MachineRequest& request, Io& io) {
  if (!request.initrd.empty()) return MicroMedia{request.kernel, request.initrd, ""};
  if (!request.image.empty()) return micro_media_in(request.image);
  const std::string kernel = request.kernel.empty() ? "debian" : request.kernel;
  return micro_media(kernel, TRY(trust_of(request)), boot_cache_folder(), io);
}

Status add_media(const MachineRequest& request, Machine& machine, const Settings& settings, Io& io) {
  const MicroMedia media = TRY(media_of(request, io));
  machine.kernel = media.kernel;
  machine.initrd = media.initrd;
  machine.command_line = command_line_of(media.command_line, request, settings, !machine.kvm);
  return Done{};
}

Status add_image(const MachineRequest& request, Machine& machine, const std::string& folder) {
  const UniqueFd file = TRY(open_file(request.image, O_RDONLY | O_CLOEXEC));
  const bool is_iso = TRY(read_at(file.get(), 0x8001, 5)) == "CD001";
  const bool is_efi_program = TRY(read_at(file.get(), 0, 2)) == "MZ";
  Disk disk;
  disk.path = is_efi_program ? folder + "/efi.img" : request.image;
  disk.format = TRY(disk_format(request.image));
  disk.use = is_iso ? Disk::Use::kCdrom : Disk::Use::kBoot;
  if (is_efi_program) TRY(write_efi_disk(request.image, disk.path));
  if (is_efi_program || request.uefi) machine.firmware = TRY(find_uefi_firmware());
  machine.disks.push_back(std::move(disk));
  return Done{};
}

Status add_scratch(const MachineRequest& request, Machine& machine, const std::string& folder, bool is_kept) {
  if (request.disk == "none") return Done{};
  if (!request.disk.empty() && !exists(request.disk)) TRY(make_disk(request.disk, request.disk_bytes, ""));
  Disk disk;
  if (request.disk.empty() || is_kept) {
    disk = {folder + "/" + kDiskFile, "qcow2", Disk::Use::kScratch, !is_kept};
    if (!exists(disk.path)) TRY(make_disk(disk.path, request.disk_bytes, request.disk));
  } else {
    disk.path = request.disk;
    disk.format = TRY(disk_format(request.disk));
  }
  machine.disks.push_back(std::move(disk));
  return Done{};
}

Result<std::vector<std::string>> keys_of(const MachineRequest& request, const std::string& folder) {
  std::vector<std::string> keys = TRY(public_ssh_keys(request.ssh_key));
  if (!request.ssh_port) return keys;
  auto own = own_ssh_key(folder + "/" + kKeyFile);
  if (own) keys.push_back(std::move(*own));
  if (keys.empty()) return own.error().within("there is no key to get in with");
  return keys;
}

Status add_seed(const MachineRequest& request, Machine& machine, const std::string& folder, const Settings& settings) {
  const std::string path = folder + "/" + kSeedFile;
  Seed seed;
  seed.instance_id = "granary-" + random_hex();
  if (exists(path + ".id")) seed.instance_id = TRY(read_file(path + ".id", 100));
  seed.hostname = request.name;
  seed.ssh_keys = TRY(keys_of(request, folder));
  // What starts by its own boot loader is told here what a kernel's command line says elsewhere.
  if (machine.kernel.empty()) seed.settings = settings;
  if (!request.context.empty()) seed.user_data = TRY(read_file(request.context, size_t{16} << 20));
  TRY(write_seed_disk(seed, path));
  TRY(replace_file(path + ".id", seed.instance_id, 0600, Durability::kFast));
  machine.disks.push_back({path, "raw", Disk::Use::kSeed, false});
  return Done{};
}
}  // namespace

OrderedJson MachineRequest::json() const {
  OrderedJson out = OrderedJson::object();
  each_field(*this, [&](const char* key, const auto& value) { put(out, key, value); });
  if (ssh_port) out["ssh_port"] = *ssh_port;
  return out;
}

Result<MachineRequest> MachineRequest::parse(const OrderedJson& json) {
  MachineRequest out;
  try {
    each_field(out, [&](const char* key, auto& value) { take(json, key, value); });
    if (json.contains("ssh_port")) out.ssh_port = json.at("ssh_port").get<uint16_t>();
  } catch (const nlohmann::json::exception& wrong) {
    return Error{Code::kCorrupt, str("cannot read what the machine is: ", wrong.what())};
  }
  return out;
}

Status prepare_media(const MachineRequest& request, Io& io) {
  if (request.image.empty()) TRY(media_of(request, io));
  return Done{};
}

std::string url_for_guest(const std::string& url) {
  for (const char* host : {"://127.0.0.1", "://localhost", "://[::1]"}) {
    const size_t at = url.find(host);
    if (at == std::string::npos) continue;
    const size_t end = at + std::string_view(host).size();
    if (end == url.size() || url[end] == ':' || url[end] == '/')
      return url.substr(0, at) + "://" + kHostForGuest + url.substr(end);
  }
  return url;
}

Status make_disk(const std::string& path, uint64_t size_bytes, const std::string& backing) {
  const std::string tool = TRY(find_helper("qemu-img", "qemu-utils", "make a disk"));
  Program program;
  program.words = {tool, "create", "-q", "-f", "qcow2"};
  if (!backing.empty()) {
    const std::string format = TRY(disk_format(backing));
    program.words.insert(program.words.end(), {"-b", backing, "-F", format});
  }
  program.words.push_back(path + ".new");
  if (size_bytes != 0 || backing.empty())
    program.words.push_back(std::to_string(size_bytes != 0 ? size_bytes : kOwnDiskBytes));
  program.output = program.errors = Program::Stream::kCapture;
  TRY_WITHIN("cannot make a disk", run_program_well(program));
  if (::rename((path + ".new").c_str(), path.c_str()) != 0)
    return system_error(errno, "cannot make " + printable(path));
  return Done{};
}

Result<PreparedMachine> prepare_machine(const MachineRequest& request, const std::string& folder, bool is_kept,
                                        Io& io) {
  const std::string qemu = TRY(find_qemu());
  PreparedMachine out;
  Machine& machine = out.machine;
  machine.name = request.name;
  machine.memory_bytes = request.memory_bytes;
  machine.cpus = request.cpus;
  machine.graphic = request.graphic;
  machine.more_words = request.qemu_words;
  const Acceleration acceleration = probe_acceleration(qemu, boot_cache_folder());
  machine.kvm = acceleration.kvm;
  if (!machine.kvm) io.err << "granary: QEMU emulates the processor: " << acceleration.why_not << "\n";
  out.url = TRY(url_of(request, out.server));
  const Settings settings = settings_of(request, out.url);
  const bool has_boot_loader = !request.image.empty() && !std::filesystem::is_directory(request.image);
  if (has_boot_loader) TRY(add_image(request, machine, folder));
  if (!has_boot_loader) TRY(add_media(request, machine, settings, io));
  TRY(add_scratch(request, machine, folder, is_kept));
  if (request.ssh_port) machine.ssh_port = TRY(free_port(*request.ssh_port));
  TRY(add_seed(request, machine, folder, settings));
  return out;
}

}  // namespace granary
