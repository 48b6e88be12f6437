// An OVA: a virtual machine as VMware and VirtualBox import it (DMTF DSP0243, OVF 1.0), a tar of its description, the
// digests, and the disk. Beside the boot disk it has an empty one, for scratch.
#pragma once

#include "builder/micro/medium.h"

namespace granary {

Status write_ova(const MediumContent& content, const std::string& scratch, const std::string& path);

// The description. `disk_bytes`: of the boot disk, `file_bytes` of its file.
std::string ovf_text(const MediumContent& content, const std::string& disk_name, uint64_t disk_bytes,
                     uint64_t file_bytes);

}  // namespace granary
