// Objects on the disk and on the wire: a small header and the encoded bytes (docs/format.md, 3).
// Pure functions; safe from many threads. Everything decoded here is foreign data.
#pragma once

#include <memory>

#include "fs/base/bytes.h"
#include "fs/base/digest.h"

namespace granary {

// An object is named by the SHA-256 of its plain bytes.
using ObjectId = Digest;
// Plain, verified bytes, shared by whoever reads them.
using SharedBytes = std::shared_ptr<const Bytes>;

inline constexpr size_t kMaxObjectBytes = size_t{16} << 20;
inline constexpr size_t kObjectHeaderBytes = 16;
// No honest object file is longer: the worst codec expands by less than 1/64.
inline constexpr size_t kMaxObjectFileBytes = kMaxObjectBytes + kMaxObjectBytes / 64 + 4096;

enum class Codec : uint8_t { kNone = 0, kZlib = 1, kZstd = 2 };

const char* name_of(Codec codec);
// "none", "zlib", "zstd": kInvalid for anything else.
Result<Codec> parse_codec(std::string_view name);

struct Encoding {
  Codec codec = Codec::kZstd;
  int level = 3;  // zstd 1 … 19, zlib 1 … 9
};
// kInvalid when the level is out of the codec's range.
Status check_encoding(const Encoding& encoding);

// The object file for `plain` (at most kMaxObjectBytes). Falls back to kNone where coding gains nothing.
Bytes encode_object(ByteView plain, const Encoding& encoding);

// The plain bytes of an object file, unchecked against any name.
//   kCorrupt      not an object file, or its payload is damaged
//   kUnsupported  of a version or codec newer than ours
Result<Bytes> decode_object(ByteView file);

// The same, and the digest of the plain bytes is `id`; kCorrupt otherwise.
Result<Bytes> decode_object(const ObjectId& id, ByteView file);

struct ObjectHeader {
  Codec codec;
  uint64_t plain_size_bytes;
};
Result<ObjectHeader> read_object_header(ByteView file);

// Where an object lies below the repository's top: "objects/ab/cdef…".
std::string object_path(const ObjectId& id);

// ObjectReader: hands out verified plain objects. Safe from many threads.
// Implementations: StoreReader (a store at hand), Fetcher (network and cache).
class ObjectReader {
 public:
  virtual ~ObjectReader() = default;
  //   kNotFound     nobody has it
  //   kUnavailable  could not be had in time: a later try may succeed
  //   kCorrupt      every copy found was damaged
  virtual Result<SharedBytes> read(const ObjectId& id) = 0;
  // Will probably be read soon. Never waits; may do nothing at all.
  virtual void expect(const ObjectId&) {}
};

}  // namespace granary
