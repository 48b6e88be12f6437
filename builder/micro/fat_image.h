// A FAT file system in a plain file, made by mkfs.vfat and mtools: neither loop device nor mount. FAT16, however small,
// which every boot loader and firmware reads.
#pragma once

#include "builder/micro/medium.h"

namespace granary {

struct FatFile {
  std::string path;  // "EFI/BOOT/BOOTX64.EFI"; its folders are made
  ByteView content;
};

struct FatNeeds {
  uint64_t free_bytes = 0;     // for what is added later
  uint64_t cluster_bytes = 0;  // at least; files begin at multiples of it, counted from the volume's begin
  uint32_t first_sector = 0;   // of its partition on the disk: boot loaders for BIOS believe it
};

// Writes the image at `path`, with the files in order, each in one run.
//   kNotFound  dosfstools or mtools is not installed;  kUnsupported  more than a FAT16 can hold
Status make_fat_image(const MediumContent& content, const std::vector<FatFile>& files, const FatNeeds& needs,
                      const std::string& scratch, const std::string& path);

// The files that boot from such a file system under UEFI: systemd-boot as EFI/BOOT/BOOTX64.EFI with its menu, kernel,
// initramfs, and the mark by which init knows its boot disk. `texts` holds what they borrow.
//   kNotFound  systemd-boot is not installed
Result<std::vector<FatFile>> boot_files(const MediumContent& content, std::vector<Bytes>& texts);

}  // namespace granary
