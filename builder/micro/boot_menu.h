// The boot loaders' menus: "normal" and "rescue", the first of which starts by itself after two seconds, on screen and
// serial line. Pure functions.
#pragma once

#include <string>

#include "builder/micro/medium.h"

namespace granary {

// Where the files lie on a medium that has a boot loader.
inline constexpr const char* kKernelOnMedium = "/granary/vmlinuz";
inline constexpr const char* kInitrdOnMedium = "/granary/initrd";
inline constexpr const char* kMarkOnMedium = "/granary/boot-loader";  // init knows its own boot disk by it
inline constexpr const char* kVolumeLabel = "GRANARYBOOT";

std::string rescue_command_line(const MediumContent& content);

// Of SYSLINUX and ISOLINUX (syslinux.cfg). `kernel` and `initrd` are paths on the medium.
std::string syslinux_menu(const MediumContent& content, const std::string& kernel, const std::string& initrd);

// Of systemd-boot: loader/loader.conf, loader/entries/normal.conf and rescue.conf (the Boot Loader Specification).
std::string loader_config();
std::string loader_entry(const MediumContent& content, bool rescue);

}  // namespace granary
