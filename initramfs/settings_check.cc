#include "initramfs/settings_check.h"

#include <unistd.h>

#include <cstdio>

#include "initramfs/settings.h"

namespace granary {

int check_settings(const std::vector<std::string>&) {
  std::string text;
  char piece[4096];
  for (ssize_t got; (got = ::read(STDIN_FILENO, piece, sizeof piece)) > 0;)
    text.append(piece, static_cast<size_t>(got));
  std::vector<std::string> complaints;
  settle(parse_image_config(text), complaints);
  for (const std::string& complaint : complaints) std::printf("%s\n", complaint.c_str());
  return complaints.empty() ? 0 : 1;
}

}  // namespace granary
