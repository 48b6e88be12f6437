// Exporter: writes the tree of a snapshot in a form that others take: a tar archive, a disk, a read-only image. The
// seam for more formats. The same tree gives the same bytes, today and elsewhere, as long as the programs that make
// them are the same (docs/cooking.md, "Exporting"). No loop device is needed. One thread.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "fs/format/catalog.h"

namespace granary {

struct ExportProgress {
  const char* step = "";                // "reading", "making the file system"
  uint64_t bytes = 0, bytes_total = 0;  // of file content
};

struct ExportRequest {
  Catalog& catalog;
  ObjectReader& objects;
  Digest tree;              // of the snapshot; ids of file systems are made from it
  uint64_t size_bytes = 0;  // of a disk; 0: as large as it needs to be, and some room
  std::function<void(const ExportProgress&)> on_progress = [](const ExportProgress&) {};
};

struct ExportReport {
  std::vector<std::string> losses;  // what the format cannot hold, in words: "socket /run/x"
};

class Exporter {
 public:
  virtual ~Exporter() = default;
  virtual bool can_stream() const { return false; }  // to "-", standard output

  // Writes a new file at `path`; what is there when it fails is no image.
  //   kNoSpace      the disk is full, or the tree does not fit into size_bytes: the message says what it needs
  //   kPermission   needs root
  //   kNotFound     a program that makes this format is not installed
  //   kUnsupported  the format cannot hold an entry
  virtual Result<ExportReport> write(const ExportRequest& request, const std::string& path) = 0;
};

// "tar", "tar.gz", "tar.zst", "squashfs", "raw", "qcow2".
const std::vector<std::string>& export_formats();
// kInvalid, with the nearest, for a format that is not among them.
Result<std::unique_ptr<Exporter>> exporter_for(const std::string& format);

}  // namespace granary
