// SquashfsExporter: a SquashFS image compressed with zstd, made by tar2sqfs (squashfs-tools-ng) from our tar as it
// streams. SquashFS holds whole seconds from 1970 to 2106, and no ACLs.
#pragma once

#include "builder/export/exporter.h"

namespace granary {

class SquashfsExporter : public Exporter {
 public:
  Result<ExportReport> write(const ExportRequest& request, const std::string& path) override;
};

}  // namespace granary
