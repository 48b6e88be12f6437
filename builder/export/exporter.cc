#include "builder/export/exporter.h"

#include "builder/export/disk_exporter.h"
#include "builder/export/squashfs_exporter.h"
#include "builder/export/tar_exporter.h"
#include "fs/base/nearest.h"

namespace granary {

namespace {
struct Format {
  const char* name;
  std::unique_ptr<Exporter> (*make)();
};

template <class Made, auto... arguments>
std::unique_ptr<Exporter> made() {
  return std::make_unique<Made>(arguments...);
}

constexpr Format kFormats[] = {
    {"tar", made<TarExporter, TarCompression::kNone>},     {"tar.gz", made<TarExporter, TarCompression::kGzip>},
    {"tar.zst", made<TarExporter, TarCompression::kZstd>}, {"squashfs", made<SquashfsExporter>},
    {"raw", made<DiskExporter, DiskFormat::kRaw>},         {"qcow2", made<DiskExporter, DiskFormat::kQcow2>},
};
}  // namespace

const std::vector<std::string>& export_formats() {
  static const std::vector<std::string> kNames = [] {
    std::vector<std::string> names;
    for (const Format& format : kFormats) names.emplace_back(format.name);
    return names;
  }();
  return kNames;
}

Result<std::unique_ptr<Exporter>> exporter_for(const std::string& format) {
  for (const Format& known : kFormats)
    if (format == known.name) return known.make();
  std::string hint;
  for (const std::string& name : export_formats()) hint += (hint.empty() ? "" : ", ") + name;
  const std::string nearest = nearest_word(format, export_formats());
  return Error{Code::kInvalid, str("there is no format \"", printable(format), "\"",
                                   nearest.empty() ? "" : "; did you mean \"" + nearest + "\"?", "; known are ", hint)};
}

}  // namespace granary
