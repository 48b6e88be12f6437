#include <algorithm>
#include <filesystem>

#include "builder/micro/disk_medium.h"
#include "builder/micro/iso_medium.h"
#include "builder/micro/kernel_source.h"
#include "builder/micro/medium.h"
#include "builder/micro/ova_medium.h"
#include "builder/micro/uki_medium.h"
#include "fs/base/file.h"

namespace granary {

namespace {
struct Format {
  const char* name;
  uint64_t disk_bytes;  // unless the request says more; 0: as large as the content
  WriteMedium write;
};

// What is not written takes no room in these, and becomes scratch space.
constexpr uint64_t kSparseDiskBytes = uint64_t{8} << 30;

constexpr Format kFormats[] = {
    {"iso", 0, write_iso},
    {"raw", 0, write_raw_disk},
    {"uki", 0, write_uki},
    {"qcow2", kSparseDiskBytes, write_qcow2},
    {"vmdk", 0, write_vmdk},
    {"vdi", kSparseDiskBytes, write_vdi},
    {"vhd", 0, write_vhd},
    {"ova", 0, write_ova},
    {"kernel+initrd", 0, write_kernel_and_initrd},
};

Result<const Format*> format_of(const std::string& name) {
  for (const Format& format : kFormats) {
    if (name == format.name) return &format;
  }
  std::string all;
  for (const std::string& each : micro_formats()) all += (all.empty() ? "" : ", ") + each;
  return Error{Code::kInvalid, str("there is no format ", printable(name), ": ", all)};
}

Digest identity_of(const MediumContent& content) {
  Sha256 hash;
  hash.update(Digest::of(content.kernel).raw()).update(Digest::of(content.initrd).raw());
  return hash.update(str(content.command_line, "\n", content.time, "\n", content.disk_bytes)).finish();
}
}  // namespace

const std::vector<std::string>& micro_formats() {
  static const std::vector<std::string> kNames = [] {
    std::vector<std::string> names;
    for (const Format& format : kFormats) names.emplace_back(format.name);
    return names;
  }();
  return kNames;
}

Status write_micro_image(const MicroRequest& request, const Initramfs& initramfs, const std::string& format,
                         const std::string& path) {
  const Format* const chosen = TRY(format_of(format));
  MediumContent content;
  content.kernel = TRY_WITHIN("cannot read the kernel", read_file(request.kernel.image, kMaxKernelBytes));
  content.initrd = initramfs.packed;
  content.command_line = kernel_command_line(request);
  content.time = request.built_at;
  content.disk_bytes = request.disk_bytes == 0 ? chosen->disk_bytes : request.disk_bytes;
  content.identity = identity_of(content);

  const auto target = std::filesystem::absolute(path);
  const TemporaryDirectory scratch = TRY(TemporaryDirectory::make(target.parent_path().string()));
  const std::string fresh = scratch.path() + "/image";
  TRY(make_directories(scratch.path() + "/scratch"));
  TRY_WITHIN(str("cannot make ", format), chosen->write(content, scratch.path() + "/scratch", fresh));
  TRY(remove_tree(target.string()));
  std::error_code failure;
  std::filesystem::rename(fresh, target, failure);
  if (failure) return system_error(failure.value(), "cannot put " + printable(path) + " in place");
  return sync_directory(target.parent_path().string());
}

}  // namespace granary
