// DiskExporter: an ext4 file system that fills a whole disk (no partitions, no boot loader), as it is or as qcow2. Made
// by mke2fs from a directory in which the tree is laid out first, beside the image: needs root, and room for both.
// UUID and hash seed come from the tree's digest; every time that mke2fs would take from the clock is the newest of the
// tree. ext4 is filled with whole seconds.
#pragma once

#include "builder/export/exporter.h"
#include "fs/base/time.h"

namespace granary {

enum class DiskFormat { kRaw, kQcow2 };

class DiskExporter : public Exporter {
 public:
  explicit DiskExporter(DiskFormat format) : format_(format) {}
  Result<ExportReport> write(const ExportRequest& request, const std::string& path) override;

 private:
  const DiskFormat format_;
};

// What a tree takes on an ext4 file system.
struct DiskNeeds {
  uint64_t blocks = 0;  // of 4 KiB
  uint64_t inodes = 0;
  UnixSeconds newest = 0;  // the latest mtime

  uint64_t least_bytes() const;  // journal and tables included
  uint64_t usual_bytes() const;  // with room to work in: a quarter more, at least 256 MiB; whole 64 MiB
};
Result<DiskNeeds> disk_needs(Catalog& catalog);

}  // namespace granary
