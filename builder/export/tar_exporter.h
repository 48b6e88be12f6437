// TarExporter: a POSIX (pax) tar, plain or compressed, in catalog order, without the time of its making. Can stream.
#pragma once

#include "builder/export/tree_archive.h"

namespace granary {

enum class TarCompression { kNone, kGzip, kZstd };

class TarExporter : public Exporter {
 public:
  explicit TarExporter(TarCompression compression) : compression_(compression) {}
  bool can_stream() const override { return true; }
  Result<ExportReport> write(const ExportRequest& request, const std::string& path) override;

 private:
  const TarCompression compression_;
};

// A tar of the tree to an open file, pipe or socket. kUnavailable: whoever reads a pipe or socket has gone.
Result<ExportReport> write_tar(const ExportRequest& request, TarCompression compression, int to,
                               const TreeArchiveOptions& options = {});

}  // namespace granary
