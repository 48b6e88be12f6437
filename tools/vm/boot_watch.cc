#include "tools/vm/boot_watch.h"

#include <fcntl.h>

#include <cstdlib>

#include "fs/base/file.h"

namespace granary {

namespace {
constexpr size_t kLastLines = 25;
constexpr size_t kLongestLine = 4096;
constexpr std::string_view kComplete = "granary: boot complete ";
constexpr std::string_view kFailed = "granary: FAILED ";

// Of ESC [ … letter nothing is left, of other control characters neither.
std::string without_controls(const std::string& line) {
  std::string out;
  for (size_t at = 0; at < line.size(); ++at) {
    const char c = line[at];
    if (c == '\x1b' && at + 1 < line.size() && line[at + 1] == '[') {
      at += 2;
      while (at < line.size() && (line[at] < '@' || line[at] > '~')) ++at;
    } else if (static_cast<unsigned char>(c) >= ' ' || c == '\t') {
      out += c;
    }
  }
  return out;
}

std::string word_after(std::string_view text, std::string_view name) {
  const size_t at = text.find(name);
  if (at == std::string_view::npos) return {};
  text.remove_prefix(at + name.size());
  return std::string(text.substr(0, text.find(' ')));
}
}  // namespace

void BootWatch::hear(ByteView bytes) {
  pending_ += bytes;
  for (size_t end = pending_.find('\n'); end != Bytes::npos; end = pending_.find('\n')) {
    hear_line(without_controls(pending_.substr(0, end)));
    pending_.erase(0, end + 1);
  }
  if (pending_.size() > kLongestLine) pending_.erase(0, pending_.size() - kLongestLine);
}

void BootWatch::hear_line(const std::string& line) {
  if (line.empty()) return;
  if (const size_t at = line.find(kComplete); at != std::string::npos) {
    const std::string_view rest = std::string_view(line).substr(at + kComplete.size());
    ++completions_;
    complete_ = BootComplete{word_after(rest, "snapshot="), std::atof(word_after(rest, "seconds=").c_str())};
  }
  if (const size_t at = line.find(kFailed); at != std::string::npos) failure_ = line.substr(at + kFailed.size());
  last_.push_back(line);
  if (last_.size() > kLastLines) last_.pop_front();
}

std::string BootWatch::last_lines() const {
  std::string out;
  for (const std::string& line : last_) out += "  " + printable(line) + "\n";
  if (!pending_.empty()) out += "  " + printable(without_controls(pending_)) + "\n";
  return out;
}

Bytes GrowingFile::more() {
  const auto file = open_file(path_, O_RDONLY | O_CLOEXEC);
  if (!file) return {};
  auto bytes = read_at(file->get(), offset_, 256 << 10);
  if (!bytes) return {};
  offset_ += static_cast<off_t>(bytes->size());
  return std::move(*bytes);
}

}  // namespace granary
