// What lies on a device, from its first blocks alone. Foreign bytes: read, bounded, never believed further than a name.
#pragma once

#include <string>

#include "fs/base/bytes.h"
#include "fs/base/result.h"

namespace granary {

struct FileSystemFound {
  std::string type;         // "ext4" (also of ext2 and ext3), "vfat", "xfs", "swap", "LVM" …; empty: nothing known
  std::string label;        // of ext4 and vfat
  uint64_t size_bytes = 0;  // of ext4: what the file system itself takes
};

// `head` is the beginning of a device; kFileSystemHeadBytes tell all that is known.
inline constexpr size_t kFileSystemHeadBytes = 68 << 10;
FileSystemFound identify_file_system(ByteView head);

// Of a device or a file.
Result<FileSystemFound> file_system_on(const std::string& path);

}  // namespace granary
