#include "builder/micro/boot_menu.h"

namespace granary {

namespace {
constexpr const char* kNormal = "normal";
constexpr const char* kRescue = "rescue";
}  // namespace

std::string rescue_command_line(const MediumContent& content) {
  return content.command_line + " granary.rescue granary.verbose";
}

std::string syslinux_menu(const MediumContent& content, const std::string& kernel, const std::string& initrd) {
  const auto entry = [&](const char* name, const std::string& command_line) {
    return str("LABEL ", name, "\n  KERNEL ", kernel, "\n  INITRD ", initrd, "\n  APPEND ", command_line, "\n");
  };
  return str("SERIAL 0 115200\nPROMPT 1\nTIMEOUT 20\nDEFAULT ", kNormal, "\nSAY Granary: ", kNormal, " or ", kRescue,
             "\n", entry(kNormal, content.command_line), entry(kRescue, rescue_command_line(content)));
}

std::string loader_config() { return str("timeout 2\ndefault ", kNormal, ".conf\n"); }

std::string loader_entry(const MediumContent& content, bool rescue) {
  return str("title Granary (", rescue ? kRescue : kNormal, ")\nlinux ", kKernelOnMedium, "\ninitrd ", kInitrdOnMedium,
             "\noptions ", rescue ? rescue_command_line(content) : content.command_line, "\n");
}

}  // namespace granary
