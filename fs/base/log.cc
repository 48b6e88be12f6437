#include "fs/base/log.h"

#include <unistd.h>

#include <atomic>

namespace granary::log {

namespace {
std::atomic<Level> level_wanted{Level::kWarn};
std::atomic<int> descriptor{STDERR_FILENO};

const char* word_for(Level level) {
  switch (level) {
    case Level::kError: return "error";
    case Level::kWarn: return "warn";
    case Level::kInfo: return "info";
    case Level::kDebug: return "debug";
  }
  return "?";
}

std::string quoted(const std::string& value) {
  const std::string clean = printable(value);
  if (!clean.empty() && clean.find_first_of(" \"=") == std::string::npos) return clean;
  std::string out = "\"";
  for (const char c : clean) {
    if (c == '"') out += '\\';
    out += c;
  }
  return out + "\"";
}
}  // namespace

void set_level(Level level) { level_wanted = level; }
void set_descriptor(int fd) { descriptor = fd; }

void write(Level level, const char* event, const std::vector<Field>& fields) {
  if (level > level_wanted.load(std::memory_order_relaxed)) return;
  std::string line = str(word_for(level), " ", event);
  for (const Field& field : fields) line += str(" ", field.key, "=", quoted(field.value));
  line += "\n";
  [[maybe_unused]] const ssize_t written = ::write(descriptor.load(), line.data(), line.size());
}

}  // namespace granary::log
