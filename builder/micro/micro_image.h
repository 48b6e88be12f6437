// The micro image: kernel and initramfs, and the media that hypervisors, clouds and machines start them from. Plain
// files all the way: no loop device, no mount, no root. The same request gives the same bytes, as long as the programs
// that make media are the same. One thread.
#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "builder/micro/module_set.h"
#include "fs/base/bytes.h"
#include "fs/base/time.h"

namespace granary {

// Programs and files that go into the initramfs, as tools/micro-parts makes them: a folder with granary-init,
// granary-mount, busybox, e2fs (mke2fs, e2fsck and resize2fs in one), each static and stripped.
//   $GRANARY_MICRO_PARTS, else lib/granary/micro beside the installed program, else build/micro/parts of the source
//   tree. kNotFound  naming what is missing and the command that makes it
Result<std::string> find_micro_parts();

struct MicroKernel {
  std::string image;      // path of a bzImage
  std::string modules;    // its /lib/modules/VERSION; empty: everything is built in
  std::string version;    // "6.1.0-56-amd64"
  std::string described;  // for people: "Debian 6.1.192-2"
};

struct MicroRequest {
  MicroKernel kernel;
  ModuleWishes modules;
  std::vector<std::pair<std::string, std::string>> trusts;    // NAME and path of each trust file
  std::vector<std::pair<std::string, std::string>> settings;  // for micro.conf (initramfs/settings.h)
  std::vector<std::string> consoles;                          // the last is the one that programs talk to; none: usual
  std::string command_line;                                   // besides, what the boot loader says to the kernel
  std::string ca_file;                                        // PEM; empty: the host's bundle
  std::string version;                                        // of Granary
  UnixSeconds built_at = 0;                                   // the floor of trusted time
  uint64_t disk_bytes = 0;                                    // of a disk; 0: as micro_formats() says
};

// Whether the request makes sense, as far as can be told without a network: URLs, trust files and their names, the CA
// file, settings' form.
//   kInvalid, kBadUrl, kBadTrustFile, kNotFound  naming the thing
Status check_request(const MicroRequest& request);

// What the boot loader says to the kernel: consoles, panic=10, and the request's own.
std::string kernel_command_line(const MicroRequest& request);
// The image's own file (initramfs/settings.h).
std::string micro_config(const MicroRequest& request);

struct MicroPart {
  std::string name;  // "kernel", "granary-mount", "modules"
  uint64_t raw_bytes = 0, packed_bytes = 0;
};

// The initramfs (newc cpio, xz with the x86 filter, CRC-32: what the kernel's decoder takes), and each part's share of
// it.
struct Initramfs {
  Bytes packed;
  std::vector<MicroPart> parts;
};
Result<Initramfs> make_initramfs(const MicroRequest& request, const std::string& parts_folder);

// "iso", "raw", "uki", "qcow2", "vmdk", "vdi", "vhd", "ova", "kernel+initrd".
const std::vector<std::string>& micro_formats();
// Writes a new file (of kernel+initrd a folder with vmlinuz, initrd and cmdline) at `path`, moved into place when
// whole.
//   kNotFound  a program that makes this format is missing: the message names its Debian package
Status write_micro_image(const MicroRequest& request, const Initramfs& initramfs, const std::string& format,
                         const std::string& path);

}  // namespace granary
