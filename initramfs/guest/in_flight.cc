#include "initramfs/guest/in_flight.h"

#include <arpa/inet.h>
#include <fcntl.h>

#include <cerrno>
#include <optional>

#include "fs/base/file.h"
#include "initramfs/lasting_root.h"
#include "initramfs/os_files.h"
#include "initramfs/paths.h"

namespace granary {

namespace {
constexpr std::chrono::minutes kChangePatience{3}, kPinPatience{30};

bool is_address(const std::string& text) {
  char binary[16];
  return ::inet_pton(AF_INET, text.c_str(), binary) == 1 || ::inet_pton(AF_INET6, text.c_str(), binary) == 1;
}

// In place: the mount program and its sandbox know the file, not its name.
Status write_in_place(const std::string& path, const Bytes& text) {
  const UniqueFd file = TRY(open_file(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
  TRY(write_all_at(file.get(), 0, text));
  if (::ftruncate(file.get(), static_cast<off_t>(text.size())) != 0) return system_error(errno, "cannot write " + path);
  return Done{};
}

Result<Bytes> ask_mount(std::vector<std::string> words, std::optional<Bytes> input,
                        std::chrono::milliseconds patience) {
  Program program;
  program.words = {"/bin/granary-mount", "--tell", inside_lasting_root(paths::kTree)};
  program.words.insert(program.words.end(), words.begin(), words.end());
  program.input = std::move(input);
  program.output = Program::Stream::kCapture;
  program.errors = Program::Stream::kCapture;
  program.timeout = patience;
  ProgramEnd end = TRY(run_in_lasting_root(program));
  if (end.ok()) return std::move(end.output);
  return Error{end.status == 3   ? Code::kInvalid
               : end.status == 4 ? Code::kNotFound
                                 : Code::kUnavailable,
               printable(end.errors.substr(0, end.errors.find('\n')))};
}

Status tell_mount(std::vector<std::string> words, std::optional<Bytes> input, std::chrono::milliseconds patience) {
  TRY(ask_mount(std::move(words), std::move(input), patience));
  return Done{};
}

// What somebody needs at the console of a machine without network: programs, and the libraries that Debian's need.
constexpr const char* kRepairFiles[]{"usr/bin/bash",
                                     "usr/bin/dash",
                                     "usr/bin/sh",
                                     "bin/bash",
                                     "bin/sh",
                                     "usr/bin/ls",
                                     "usr/bin/cat",
                                     "usr/bin/ip",
                                     "usr/sbin/ip",
                                     "sbin/ip",
                                     "usr/bin/ping",
                                     "usr/bin/systemctl",
                                     "usr/bin/networkctl",
                                     "usr/bin/journalctl",
                                     "usr/bin/vi",
                                     "usr/bin/nano",
                                     "usr/bin/grep",
                                     "usr/bin/sed",
                                     "usr/sbin/ifup",
                                     "usr/sbin/dhclient",
                                     "sbin/dhclient",
                                     "usr/sbin/dhclient-script",
                                     "usr/bin/mount",
                                     "usr/bin/umount",
                                     "usr/bin/login",
                                     "usr/sbin/agetty",
                                     "usr/sbin/reboot",
                                     "usr/lib/systemd/systemd-networkd",
                                     "usr/lib/systemd/systemd-resolved",
                                     "usr/lib/systemd/systemd-shutdown",
                                     "usr/lib64/ld-linux-x86-64.so.2"};
constexpr const char* kRepairLibraries[]{
    "ld-linux-x86-64.so.2", "libc.so.6",         "libm.so.6",      "libtinfo.so.6", "libselinux.so.1",
    "libpcre2-8.so.0",      "libmnl.so.0",       "libelf.so.1",    "libz.so.1",     "libbpf.so.1",
    "libcap.so.2",          "libcap-ng.so.0",    "libcrypto.so.3", "libpam.so.0",   "libpam_misc.so.0",
    "libaudit.so.1",        "libmount.so.1",     "libblkid.so.1",  "libgcc_s.so.1", "libseccomp.so.2",
    "libresolv.so.2",       "libnss_files.so.2", "liblzma.so.5",   "libzstd.so.1",  "liblz4.so.1",
    "libgcrypt.so.20",      "libgpg-error.so.0", "libacl.so.1",    "libattr.so.1",  "libcrypt.so.1"};

std::string repair_list(size_t& count) {
  std::string list;
  const auto add = [&](const std::string& path) {
    if (!exists(str(paths::kTree, "/", path))) return;
    list += "/" + path + "\n";
    ++count;
  };
  for (const char* path : kRepairFiles) add(path);
  for (const char* library : kRepairLibraries) add(str("usr/lib/x86_64-linux-gnu/", library));
  const auto own = read_file(str(paths::kTree, "/usr/lib/granary/pinfiles"), 1 << 20);
  if (own) list += *own;
  return list;
}
}  // namespace

Status change_name_servers(const std::vector<std::string>& addresses) {
  for (const std::string& address : addresses) {
    if (!is_address(address))
      return Error{Code::kInvalid, "not an address of a name server: " + printable(address) + " (such as 192.0.2.53)"};
  }
  const Bytes text = resolver_text(addresses, {});
  TRY(write_in_place(paths::kResolver, text));
  const auto os = read_file("/etc/resolv.conf", 64 << 10);
  if (os && os->starts_with(kOurMark)) TRY(write_in_place("/etc/resolv.conf", text));
  return Done{};
}

Status start_recording() { return tell_mount({"profile", "start"}, std::nullopt, kChangePatience); }

Status stop_recording(const std::string& path) {
  const Bytes answer = TRY(ask_mount({"profile", "stop"}, std::nullopt, kChangePatience));
  const size_t counts_end = answer.find('\n');  // a line of figures, then the trace
  if (counts_end == Bytes::npos) return Error{Code::kCorrupt, "the mount's answer is no trace"};
  return replace_file(path, answer.substr(counts_end + 1), 0600, Durability::kFast);
}

Status change_proxies(const std::string& list) { return tell_mount({"proxies", list}, std::nullopt, kChangePatience); }

Result<size_t> keep_repair_files(const StartedMachine& machine) {
  if (!machine.lasting) return size_t{0};  // what is in memory is gone when it would be needed
  size_t count = 0;
  const Bytes list = repair_list(count);
  TRY(tell_mount({"pin", "--only"}, list, kPinPatience));
  return count;
}

}  // namespace granary
