#include "tools/vm/machine.h"

namespace granary {

namespace {
std::string escaped(const std::string& text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&': out += "&amp;"; break;
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '\'': out += "&apos;"; break;
      default: out += c;
    }
  }
  return out;
}

std::string element(const char* name, const std::string& value) {
  return value.empty() ? "" : str("    <", name, ">", escaped(value), "</", name, ">\n");
}

std::string start_of(const Machine& machine) {
  std::string out = "  <os>\n    <type arch='x86_64' machine='q35'>hvm</type>\n";
  if (!machine.firmware.empty())
    out += str("    <loader readonly='yes' type='rom'>", escaped(machine.firmware), "</loader>\n");
  out += element("kernel", machine.kernel) + element("initrd", machine.initrd);
  if (!machine.kernel.empty()) out += element("cmdline", machine.command_line);
  return out + "  </os>\n";
}

std::string disk_of(const Disk& disk, size_t number) {
  const bool is_cdrom = disk.use == Disk::Use::kCdrom;
  const char letter = static_cast<char>('a' + number);
  std::string out = str("    <disk type='file' device='", is_cdrom ? "cdrom" : "disk", "'>\n");
  out += str("      <driver name='qemu' type='", disk.format, "'", disk.is_throwaway ? " cache='unsafe'" : "", "/>\n");
  out += str("      <source file='", escaped(disk.path), "'/>\n");
  out += str("      <target dev='", is_cdrom ? "sd" : "vd", letter, "' bus='", is_cdrom ? "sata" : "virtio", "'/>\n");
  if (disk.read_only()) out += "      <readonly/>\n";
  if (is_cdrom || disk.use == Disk::Use::kBoot) out += "      <boot order='1'/>\n";
  return out + "    </disk>\n";
}

// libvirt's own user network takes no forwarding before 9.0 with passt; QEMU's words do it everywhere.
std::string network_of(const Machine& machine) {
  std::string way = "user,id=net0";
  if (machine.ssh_port != 0) way += str(",hostfwd=tcp:127.0.0.1:", machine.ssh_port, "-:22");
  return str("  <qemu:commandline>\n    <qemu:arg value='-netdev'/>\n    <qemu:arg value='", way,
             "'/>\n    <qemu:arg value='-device'/>\n",
             "    <qemu:arg value='virtio-net-pci,netdev=net0,romfile=,addr=0x10'/>\n  </qemu:commandline>\n");
}
}  // namespace

std::string libvirt_xml(const Machine& machine) {
  std::string out = str("<domain type='", machine.kvm ? "kvm" : "qemu",
                        "' xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>\n");
  out += str("  <name>", escaped(machine.name), "</name>\n  <memory unit='KiB'>", machine.memory_bytes >> 10,
             "</memory>\n  <vcpu>", machine.cpus, "</vcpu>\n");
  out += start_of(machine);
  out += "  <features>\n    <acpi/>\n    <apic/>\n  </features>\n";
  out += str("  <cpu mode='", machine.kvm ? "host-passthrough" : "maximum", "'/>\n");
  out += "  <devices>\n";
  for (size_t number = 0; number < machine.disks.size(); ++number) out += disk_of(machine.disks[number], number);
  out += "    <serial type='pty'/>\n    <console type='pty'/>\n";
  if (machine.graphic)
    out += "    <graphics type='spice' autoport='yes'/>\n    <video>\n      <model type='vga'/>\n    </video>\n";
  out +=
      "    <memballoon model='none'/>\n    <rng model='virtio'>\n      <backend "
      "model='random'>/dev/urandom</backend>\n    </rng>\n";
  return out + "  </devices>\n" + network_of(machine) + "</domain>\n";
}

}  // namespace granary
