// Disks: an MBR, SYSLINUX for BIOS and systemd-boot for UEFI on one FAT partition, and free space behind it. One
// content, as each hypervisor wants it wrapped.
#pragma once

#include "builder/micro/medium.h"

namespace granary {

Status write_raw_disk(const MediumContent& content, const std::string& scratch, const std::string& path);
Status write_qcow2(const MediumContent& content, const std::string& scratch, const std::string& path);
Status write_vmdk(const MediumContent& content, const std::string& scratch,
                  const std::string& path);  // streamOptimized
Status write_vdi(const MediumContent& content, const std::string& scratch, const std::string& path);
Status write_vhd(const MediumContent& content, const std::string& scratch, const std::string& path);  // fixed
// The same, and how large the disk is.
Result<uint64_t> write_vmdk_of_size(const MediumContent& content, const std::string& scratch, const std::string& path);

// The footer of a fixed VHD of `disk_bytes` (Virtual Hard Disk Image Format Specification, 1.0). `uuid`: 16 bytes.
Bytes vhd_footer(uint64_t disk_bytes, UnixSeconds time, ByteView uuid);

}  // namespace granary
