// What every medium is made of, and how one is written. Each kind has a file of its own.
#pragma once

#include "builder/micro/micro_image.h"
#include "fs/base/digest.h"
#include "fs/base/program.h"

namespace granary {

struct MediumContent {
  Bytes kernel;
  ByteView initrd;
  std::string command_line;
  UnixSeconds time = 0;     // of every file on it
  uint64_t disk_bytes = 0;  // of a disk; 0: as large as its content
  Digest identity;          // of all of the above: ids of volumes, disks and the like are made from it

  // A number of 32 bits that is not 0, another for each `use`.
  uint32_t number(std::string_view use) const;
  // A UUID in its usual form, another for each `use`.
  std::string uuid(std::string_view use) const;
};

// Writes a new file (a folder) at `path`; `scratch` is an empty folder beside it.
using WriteMedium = Status (*)(const MediumContent& content, const std::string& scratch, const std::string& path);

Status write_kernel_and_initrd(const MediumContent& content, const std::string& scratch, const std::string& path);

// Runs one of the programs that make media, which finds nothing of the caller's habits: time and zone are the medium's.
//   kNotFound  it is not installed: the message names its Debian package
Status run_maker(const MediumContent& content, std::vector<std::string> words, const char* package,
                 std::vector<std::string> environment = {});
// A file that a Debian package brings.
//   kNotFound  it is not installed
Result<Bytes> file_of_package(const std::string& path, const char* package);

}  // namespace granary
