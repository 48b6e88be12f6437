#include "initramfs/context/gunzip.h"

#include <zlib.h>

namespace granary {

namespace {
constexpr int kGzip = 16 + MAX_WBITS;  // with gzip's header, and no other
constexpr size_t kStepBytes = 64 << 10;

struct Inflater {
  z_stream stream{};
  bool ready = inflateInit2(&stream, kGzip) == Z_OK;
  ~Inflater() { inflateEnd(&stream); }
};
}  // namespace

bool is_gzip(ByteView bytes) { return bytes.starts_with("\x1f\x8b\x08"); }

Result<Bytes> gunzip(ByteView bytes, size_t limit_bytes) {
  Inflater inflater;
  if (!inflater.ready) return Error{Code::kInternal, "cannot start zlib"};
  z_stream& stream = inflater.stream;
  stream.next_in = const_cast<Bytef*>(reinterpret_cast<const Bytef*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  Bytes out;
  for (;;) {
    const size_t before = out.size();
    out.resize(before + kStepBytes);
    stream.next_out = reinterpret_cast<Bytef*>(out.data() + before);
    stream.avail_out = kStepBytes;
    const int state = inflate(&stream, Z_NO_FLUSH);
    out.resize(out.size() - stream.avail_out);
    if (out.size() > limit_bytes)
      return Error{Code::kEndlessData,
                   "gunzipped, it is longer than the " + std::to_string(limit_bytes) + " bytes it may have"};
    if (state == Z_STREAM_END) return out;
    if (state != Z_OK) return Error{Code::kCorrupt, "damaged or incomplete gzip"};
  }
}

}  // namespace granary
