#include "tools/progress.h"

namespace granary {

void Progress::show(const std::string& line) {
  const auto now = std::chrono::steady_clock::now();
  if (!io_.err_is_terminal || now < next_) return;
  next_ = now + std::chrono::milliseconds(200);
  io_.err << "\r\x1b[K" << line << std::flush;
  shown_ = true;
}

void Progress::clear() {
  if (shown_) io_.err << "\r\x1b[K" << std::flush;
  shown_ = false;
}

}  // namespace granary
