// An ISO 9660 image that starts under BIOS (ISOLINUX) and UEFI (systemd-boot), from a CD or, copied to it as it is,
// from a USB stick.
#pragma once

#include "builder/micro/medium.h"

namespace granary {

Status write_iso(const MediumContent& content, const std::string& scratch, const std::string& path);

}  // namespace granary
