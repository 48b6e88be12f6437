#include "fuzz/fuzz.h"
#include "initramfs/mounts.h"
#include "initramfs/os_files.h"
#include "initramfs/settings.h"

// Whatever is on a command line, in an image's file, in a tree's fstab: values or complaints.
void granary::try_input(ByteView input) {
  std::vector<std::string> complaints;
  for (const auto& sayings : {parse_command_line(input), parse_image_config(input)}) {
    const Settings settings = settle(sayings, complaints);
    promise(settings.retries <= 100, "a number is within its bounds");
    promise(settings.path.find("..") == std::string::npos || settings.path.find("/../") == std::string::npos,
            "a path stays");
    for (const std::string& url : settings.repository) promise(url.find(' ') == std::string::npos, "a URL is a word");
  }
  parse_mount_info(input);
  const std::string neutral = neutral_fstab(input, [](const std::string&) { return false; });
  promise(neutral.empty() || neutral_fstab(neutral, [](const std::string&) { return false; }).empty(),
          "once is enough");
}
