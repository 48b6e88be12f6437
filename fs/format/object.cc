#include "fs/format/object.h"

#include <zlib.h>
#include <zstd.h>

#include <cassert>

namespace granary {

namespace {
constexpr ByteView kMagic = "GRNO";
constexpr uint8_t kVersion = 1;
constexpr int kMaxWindowLog = 23;  // 8 MiB

struct FreeCompressor {
  void operator()(ZSTD_CCtx* context) const { ZSTD_freeCCtx(context); }
};
struct FreeDecompressor {
  void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
};

Error corrupt(const std::string& why) { return {Code::kCorrupt, "not a sound object: " + why}; }

Bytes compress_zstd(ByteView plain, int level) {
  thread_local const std::unique_ptr<ZSTD_CCtx, FreeCompressor> context(ZSTD_createCCtx());
  ZSTD_CCtx_reset(context.get(), ZSTD_reset_session_and_parameters);
  ZSTD_CCtx_setParameter(context.get(), ZSTD_c_compressionLevel, level);
  if (level > 15) ZSTD_CCtx_setParameter(context.get(), ZSTD_c_windowLog, kMaxWindowLog);
  Bytes out(ZSTD_compressBound(plain.size()), '\0');
  const size_t written = ZSTD_compress2(context.get(), out.data(), out.size(), plain.data(), plain.size());
  assert(!ZSTD_isError(written));
  out.resize(written);
  return out;
}

Bytes compress_zlib(ByteView plain, int level) {
  uLongf written = compressBound(plain.size());
  Bytes out(written, '\0');
  [[maybe_unused]] const int status = compress2(reinterpret_cast<Bytef*>(out.data()), &written,
                                                reinterpret_cast<const Bytef*>(plain.data()), plain.size(), level);
  assert(status == Z_OK);
  out.resize(written);
  return out;
}

// A single-segment frame's window is its whole content; zstd checks windows itself only where it needs one.
bool has_large_window(ByteView frame) {
  constexpr size_t kDescriptor = 4;  // after the magic
  constexpr unsigned kSingleSegment = 0x20;
  const bool is_single = frame.size() > kDescriptor && (static_cast<uint8_t>(frame[kDescriptor]) & kSingleSegment) != 0;
  return is_single && ZSTD_getFrameContentSize(frame.data(), frame.size()) > (uint64_t{1} << kMaxWindowLog);
}

Result<Bytes> decompress_zstd(ByteView payload, size_t plain_size_bytes) {
  thread_local const std::unique_ptr<ZSTD_DCtx, FreeDecompressor> context(ZSTD_createDCtx());
  ZSTD_DCtx_reset(context.get(), ZSTD_reset_session_and_parameters);
  ZSTD_DCtx_setParameter(context.get(), ZSTD_d_windowLogMax, kMaxWindowLog);
  if (ZSTD_getDictID_fromFrame(payload.data(), payload.size()) != 0) return corrupt("it needs a dictionary");
  const size_t frame_bytes = ZSTD_findFrameCompressedSize(payload.data(), payload.size());
  if (ZSTD_isError(frame_bytes)) return corrupt("damaged zstd frame");
  if (has_large_window(payload)) return corrupt("its zstd window is larger than 8 MiB");
  if (frame_bytes != payload.size()) return corrupt("bytes after the zstd frame");

  Bytes out(plain_size_bytes, '\0');
  ZSTD_inBuffer in{payload.data(), payload.size(), 0};
  ZSTD_outBuffer plain{out.data(), out.size(), 0};
  size_t hint = 1;
  while (hint != 0) {  // streaming, because only that mode bounds the window
    const size_t consumed = in.pos;
    const size_t produced = plain.pos;
    hint = ZSTD_decompressStream(context.get(), &plain, &in);
    if (ZSTD_isError(hint)) return corrupt(str("zstd: ", ZSTD_getErrorName(hint)));
    if (hint != 0 && in.pos == consumed && plain.pos == produced)
      return corrupt("it holds more or fewer bytes than it says");
  }
  if (plain.pos != plain_size_bytes || in.pos != payload.size())
    return corrupt("it holds more or fewer bytes than it says");
  return out;
}

Result<Bytes> decompress_zlib(ByteView payload, size_t plain_size_bytes) {
  Bytes out(plain_size_bytes + 1, '\0');  // one to spare: an overlong stream shows itself, an empty one has room
  uLongf written = out.size();
  uLong consumed = payload.size();
  const int status = uncompress2(reinterpret_cast<Bytef*>(out.data()), &written,
                                 reinterpret_cast<const Bytef*>(payload.data()), &consumed);
  if (status != Z_OK) return corrupt(str("zlib: ", zError(status)));
  if (written != plain_size_bytes || consumed != payload.size())
    return corrupt("it holds more or fewer bytes than it says");
  out.resize(plain_size_bytes);
  return out;
}
}  // namespace

const char* name_of(Codec codec) {
  switch (codec) {
    case Codec::kNone: return "none";
    case Codec::kZlib: return "zlib";
    case Codec::kZstd: return "zstd";
  }
  return "unknown";
}

Result<Codec> parse_codec(std::string_view name) {
  for (const Codec codec : {Codec::kNone, Codec::kZlib, Codec::kZstd}) {
    if (name == name_of(codec)) return codec;
  }
  return Error{Code::kInvalid, str("unknown compression \"", name, "\": use zstd, zlib or none")};
}

Status check_encoding(const Encoding& encoding) {
  const int highest = encoding.codec == Codec::kZstd ? 19 : 9;
  if (encoding.codec == Codec::kNone || (encoding.level >= 1 && encoding.level <= highest)) return Done{};
  return Error{Code::kInvalid, str("compression level ", encoding.level, " is out of range: ", name_of(encoding.codec),
                                   " takes 1 to ", highest)};
}

Bytes encode_object(ByteView plain, const Encoding& encoding) {
  assert(plain.size() <= kMaxObjectBytes);
  Bytes payload;
  Codec codec = encoding.codec;
  if (codec == Codec::kZstd) payload = compress_zstd(plain, encoding.level);
  if (codec == Codec::kZlib) payload = compress_zlib(plain, encoding.level);
  if (codec == Codec::kNone || payload.size() >= plain.size()) {
    codec = Codec::kNone;
    payload = plain;
  }
  return ByteWriter()
      .bytes(kMagic)
      .u8(kVersion)
      .u8(static_cast<uint8_t>(codec))
      .u16(0)
      .u64(plain.size())
      .bytes(payload)
      .take();
}

Result<ObjectHeader> read_object_header(ByteView file) {
  ByteReader in(file);
  const ByteView magic = in.bytes(kMagic.size());
  const uint8_t version = in.u8();
  const uint8_t codec = in.u8();
  const uint16_t reserved = in.u16();
  const uint64_t plain_size_bytes = in.u64();
  if (!in.ok() || magic != kMagic) return corrupt("no object header");
  if (version != kVersion)
    return Error{Code::kUnsupported, str("object version ", int{version}, " needs a newer Granary")};
  if (codec > static_cast<uint8_t>(Codec::kZstd))
    return Error{Code::kUnsupported, str("object codec ", int{codec}, " needs a newer Granary")};
  if (reserved != 0) return corrupt("reserved bytes are set");
  if (plain_size_bytes > kMaxObjectBytes) return corrupt(str("it claims ", plain_size_bytes, " bytes"));
  return ObjectHeader{static_cast<Codec>(codec), plain_size_bytes};
}

Result<Bytes> decode_object(ByteView file) {
  const ObjectHeader header = TRY(read_object_header(file));
  const ByteView payload = file.substr(kObjectHeaderBytes);
  const auto plain_size_bytes = static_cast<size_t>(header.plain_size_bytes);
  switch (header.codec) {
    case Codec::kZstd: return decompress_zstd(payload, plain_size_bytes);
    case Codec::kZlib: return decompress_zlib(payload, plain_size_bytes);
    case Codec::kNone: break;
  }
  if (payload.size() != plain_size_bytes) return corrupt("it holds more or fewer bytes than it says");
  return Bytes(payload);
}

Result<Bytes> decode_object(const ObjectId& id, ByteView file) {
  Bytes plain = TRY_WITHIN(str("object ", id), decode_object(file));
  if (const Digest actual = Digest::of(plain); actual != id)
    return Error{Code::kCorrupt, str("object ", id, " has digest ", actual)};
  return plain;
}

std::string object_path(const ObjectId& id) {
  const std::string hex = id.hex();
  return "objects/" + hex.substr(0, 2) + "/" + hex.substr(2);
}

}  // namespace granary
