// Machine: a virtual machine as its hypervisor is told of it: what it starts from, its disks, its console, its ways in.
// Everything in it is settled: files exist, ports are chosen. See machine_request.h for what people ask for.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "fs/base/result.h"

namespace granary {

struct Disk {
  enum class Use { kScratch, kSeed, kBoot, kCdrom };
  std::string path;            // absolute
  std::string format = "raw";  // raw, qcow2, vmdk, vdi, vpc
  Use use = Use::kScratch;     // kBoot and kCdrom: the firmware starts from it
  bool is_throwaway = false;   // need not survive this host
  bool read_only() const { return use == Use::kSeed || use == Use::kCdrom; }
};

struct Machine {
  std::string name = "granary";
  uint64_t memory_bytes = uint64_t{1} << 30;
  unsigned cpus = 2;
  bool kvm = false;  // else QEMU emulates
  // Started by QEMU itself; empty: by the firmware, from a disk.
  std::string kernel, initrd, command_line;
  std::string firmware;  // of UEFI: the path of OVMF; empty: BIOS
  std::vector<Disk> disks;
  uint16_t ssh_port = 0;  // on 127.0.0.1; 0: no way in
  bool graphic = false;
  bool ends_at_reboot = false;
  enum class Console {
    kTerminal,  // ours, with QEMU's keys: Ctrl-A x ends it
    kFile,      // nobody types
    kSocket,    // console.sock of its folder
  } console = Console::kTerminal;
  std::vector<std::string> more_words;  // for QEMU
};

// In the machine's folder, where QEMU works. What the console says goes to kConsoleLog whoever reads it.
inline constexpr const char* kConsoleLog = "console.log";
inline constexpr const char* kConsoleSocket = "console.sock";
inline constexpr const char* kMonitorSocket = "qmp.sock";

// QEMU's program and arguments.
std::vector<std::string> qemu_words(const Machine& machine);

// The same machine for libvirt: a domain that `virsh define` takes.
std::string libvirt_xml(const Machine& machine);

// qemu-system-x86_64 in $PATH.   kNotFound  with the package that has it
Result<std::string> find_qemu();
// OVMF's firmware.   kNotFound  with the package that has it
Result<std::string> find_uefi_firmware();
// kNotFound: "cannot WHAT: PROGRAM is missing: apt-get install PACKAGE"
Result<std::string> find_helper(const std::string& program, const std::string& package, const std::string& what);

// "qcow2", "vmdk", "vdi", "vpc" or "raw", by what the file begins and ends with. kInvalid: cannot be read.
Result<std::string> disk_format(const std::string& path);

}  // namespace granary
