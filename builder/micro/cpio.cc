#include "builder/micro/cpio.h"

#include <sys/stat.h>

#include <cassert>
#include <cstdio>

namespace granary {

namespace {
constexpr size_t kAlignment = 4;

void pad(Bytes& out) { out.append((kAlignment - out.size() % kAlignment) % kAlignment, '\0'); }
}  // namespace

void CpioWriter::directory(const std::string& path, uint16_t mode) { entry(path, S_IFDIR | mode, {}); }

void CpioWriter::file(const std::string& path, ByteView content, uint16_t mode) {
  entry(path, S_IFREG | mode, content);
}

void CpioWriter::symlink(const std::string& path, const std::string& target) { entry(path, S_IFLNK | 0777, target); }

void CpioWriter::character_device(const std::string& path, uint16_t mode, uint32_t major, uint32_t minor) {
  entry(path, S_IFCHR | mode, {}, major, minor);
}

Bytes CpioWriter::finish() {
  inode_ = UINT32_MAX;  // the trailer's is 0
  entry("TRAILER!!!", 0, {});
  return std::move(out_);
}

void CpioWriter::entry(const std::string& path, uint32_t mode, ByteView content, uint32_t major, uint32_t minor) {
  assert(content.size() <= UINT32_MAX && !path.empty() && path.front() != '/');
  ++inode_;
  const bool is_trailer = inode_ == 0;
  const uint32_t links = S_ISDIR(mode) ? 2 : 1;
  char header[6 + 13 * 8 + 1];
  std::snprintf(header, sizeof header, "070701%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X", inode_, mode, 0U,
                0U, links, is_trailer ? 0U : time_, static_cast<uint32_t>(content.size()), 0U, 0U, major, minor,
                static_cast<uint32_t>(path.size() + 1), 0U);
  out_ += header;
  out_.append(path.c_str(), path.size() + 1);
  pad(out_);
  out_ += content;
  pad(out_);
}

}  // namespace granary
