#include "tools/vm/machine.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>

#include "fs/base/file.h"

namespace granary {

namespace {
constexpr const char* kQemu = "qemu-system-x86_64";

// A comma separates the properties of a QEMU option; two are one.
std::string quoted(const std::string& value) {
  std::string out;
  for (const char c : value) out += c == ',' ? std::string(",,") : std::string(1, c);
  return out;
}

void add_console(const Machine& machine, std::vector<std::string>& words) {
  const std::string log = str("logfile=", kConsoleLog, ",logappend=on");
  switch (machine.console) {
    case Machine::Console::kTerminal:
      words.insert(words.end(), {"-chardev", "stdio,id=console,mux=on,signal=off," + log, "-mon", "chardev=console"});
      break;
    case Machine::Console::kFile: words.insert(words.end(), {"-chardev", "null,id=console," + log}); break;
    case Machine::Console::kSocket:
      words.insert(words.end(),
                   {"-chardev", str("socket,id=console,path=", kConsoleSocket, ",server=on,wait=off,", log)});
      break;
  }
  words.insert(words.end(), {"-serial", "chardev:console"});
}

void add_disk(const Disk& disk, size_t number, std::vector<std::string>& words) {
  const std::string id = str("disk", number);
  std::string drive = str("if=none,id=", id, ",format=", disk.format, ",file=", quoted(disk.path));
  if (disk.read_only()) drive += ",readonly=on";
  if (disk.is_throwaway) drive += ",cache=unsafe";
  if (disk.use == Disk::Use::kScratch) drive += ",discard=unmap,detect-zeroes=unmap";
  const bool boots = disk.use == Disk::Use::kBoot || disk.use == Disk::Use::kCdrom;
  if (disk.use == Disk::Use::kCdrom) drive += ",media=cdrom";
  std::string device = str(disk.use == Disk::Use::kCdrom ? "ide-cd" : "virtio-blk-pci", ",drive=", id);
  if (boots) device += ",bootindex=1";
  words.insert(words.end(), {"-drive", drive, "-device", device});
}

void add_start(const Machine& machine, std::vector<std::string>& words) {
  if (!machine.kernel.empty()) words.insert(words.end(), {"-kernel", machine.kernel});
  if (!machine.initrd.empty()) words.insert(words.end(), {"-initrd", machine.initrd});
  if (!machine.kernel.empty() && !machine.command_line.empty())
    words.insert(words.end(), {"-append", machine.command_line});
  if (!machine.firmware.empty()) words.insert(words.end(), {"-bios", machine.firmware});
}

void add_network(const Machine& machine, std::vector<std::string>& words) {
  std::string way = "user,id=net0";
  if (machine.ssh_port != 0) way += str(",hostfwd=tcp:127.0.0.1:", machine.ssh_port, "-:22");
  words.insert(words.end(), {"-netdev", way, "-device", "virtio-net-pci,netdev=net0,romfile="});
}
}  // namespace

std::vector<std::string> qemu_words(const Machine& machine) {
  std::vector<std::string> words{kQemu, "-name", quoted(machine.name), "-nodefaults", "-no-user-config"};
  words.insert(words.end(), {"-machine", "q35", "-accel", machine.kvm ? "kvm" : "tcg,thread=multi", "-cpu", "max"});
  words.insert(words.end(),
               {"-smp", std::to_string(machine.cpus), "-m", str((machine.memory_bytes + (1 << 20) - 1) >> 20, "M")});
  if (machine.ends_at_reboot) words.emplace_back("-no-reboot");
  if (machine.graphic) {
    words.insert(words.end(), {"-vga", "std", "-device", "qemu-xhci", "-device", "usb-tablet"});
  } else {
    words.insert(words.end(), {"-display", "none"});
  }
  add_start(machine, words);
  for (size_t number = 0; number < machine.disks.size(); ++number) add_disk(machine.disks[number], number, words);
  add_network(machine, words);
  words.insert(words.end(), {"-device", "virtio-rng-pci"});
  add_console(machine, words);
  words.insert(words.end(), {"-qmp", str("unix:", kMonitorSocket, ",server=on,wait=off")});
  words.insert(words.end(), machine.more_words.begin(), machine.more_words.end());
  return words;
}

Result<std::string> find_helper(const std::string& program, const std::string& package, const std::string& what) {
  const char* path = std::getenv("PATH");
  std::string rest = str(path != nullptr ? path : "/usr/bin:/bin", ":/usr/sbin:/sbin:");
  for (size_t colon = rest.find(':'); colon != std::string::npos; colon = rest.find(':')) {
    const std::string candidate = rest.substr(0, colon) + "/" + program;
    if (::access(candidate.c_str(), X_OK) == 0) return candidate;
    rest.erase(0, colon + 1);
  }
  return Error{Code::kNotFound, str("cannot ", what, ": ", program, " is missing: apt-get install ", package)};
}

Result<std::string> find_qemu() { return find_helper(kQemu, "qemu-system-x86", "start a virtual machine"); }

Result<std::string> find_uefi_firmware() {
  for (const char* candidate : {"/usr/share/ovmf/OVMF.fd", "/usr/share/qemu/OVMF.fd", "/usr/share/edk2/ovmf/OVMF.fd"})
    if (exists(candidate)) return std::string(candidate);
  return Error{Code::kNotFound, "cannot start a UEFI machine: its firmware is missing: apt-get install ovmf"};
}

Result<std::string> disk_format(const std::string& path) {
  const UniqueFd file = TRY(open_file(path, O_RDONLY | O_CLOEXEC));
  const Bytes begin = TRY(read_at(file.get(), 0, 512));
  if (begin.starts_with("QFI\xfb")) return std::string("qcow2");
  if (begin.starts_with("KDMV") || begin.starts_with("# Disk DescriptorFile")) return std::string("vmdk");
  if (begin.find("VirtualBox Disk Image") == 4 || begin.find("<<< ") == 0) return std::string("vdi");
  const off_t size = ::lseek(file.get(), 0, SEEK_END);
  if (size >= 512 && TRY(read_at(file.get(), size - 512, 8)) == "conectix") return std::string("vpc");
  return std::string("raw");
}

}  // namespace granary
