// XzPacker: packs bytes as the kernel's own decoder of .xz takes them (Documentation/staging/xz.rst): one block, LZMA2
// behind the filter for x86 programs, CRC-32. As small as liblzma can make it. One thread.
#pragma once

#include <lzma.h>

#include <utility>

#include "fs/base/bytes.h"

namespace granary {

class XzPacker {
 public:
  enum class Effort { kQuick, kBest };

  // `size_bytes`: of everything that will come; what the kernel needs to unpack it grows with it, up to 32 MiB.
  //   kInternal  no memory
  static Result<XzPacker> begin(uint64_t size_bytes, Effort effort = Effort::kBest);
  XzPacker(XzPacker&& other) noexcept : stream_(other.stream_), out_(std::move(other.out_)) {
    other.stream_ = LZMA_STREAM_INIT;
  }
  XzPacker& operator=(XzPacker&&) = delete;
  ~XzPacker() { lzma_end(&stream_); }

  Status add(ByteView bytes);
  Result<Bytes> finish();

 private:
  XzPacker() = default;
  Status pump(lzma_action action);

  lzma_stream stream_ = LZMA_STREAM_INIT;
  Bytes out_;
};

}  // namespace granary
