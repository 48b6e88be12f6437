// CpioWriter: a cpio archive in the "newc" form, which the kernel unpacks as its first root file system
// (Documentation/driver-api/early-userspace/buffer-format.rst). Everything belongs to root and has one time; inodes are
// numbered in the order of writing, so that the same entries give the same bytes. Directories come before what is in
// them: that is the caller's to see to. One thread.
#pragma once

#include "fs/base/bytes.h"
#include "fs/base/time.h"

namespace granary {

class CpioWriter {
 public:
  explicit CpioWriter(UnixSeconds time) : time_(static_cast<uint32_t>(time)) {}

  // Paths are relative, without "./".
  void directory(const std::string& path, uint16_t mode = 0755);
  void file(const std::string& path, ByteView content, uint16_t mode);
  void symlink(const std::string& path, const std::string& target);
  void character_device(const std::string& path, uint16_t mode, uint32_t major, uint32_t minor);

  uint64_t size_bytes() const { return out_.size(); }
  const Bytes& view() const { return out_; }
  Bytes finish();  // with the trailer

 private:
  void entry(const std::string& path, uint32_t mode, ByteView content, uint32_t major = 0, uint32_t minor = 0);

  const uint32_t time_;
  uint32_t inode_ = 0;
  Bytes out_;
};

}  // namespace granary
