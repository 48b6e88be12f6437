// A unified kernel image: kernel, initramfs and command line in one program for UEFI (systemd-stub(7)).
#pragma once

#include "builder/micro/medium.h"

namespace granary {

Status write_uki(const MediumContent& content, const std::string& scratch, const std::string& path);

}  // namespace granary
