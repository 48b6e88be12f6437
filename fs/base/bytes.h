// Bytes: an owned run of bytes. ByteView: a borrowed one. Any byte may occur, NUL included.
// ByteWriter and ByteReader: the integers and strings of docs/format.md ("Primitive encodings"):
// little-endian, fixed width, strings as a 32-bit length and the bytes.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "fs/base/result.h"

namespace granary {

using Bytes = std::string;
using ByteView = std::string_view;

std::string to_hex(ByteView bytes);
// kInvalid unless `text` is an even number of lower-case hexadecimal digits.
Result<Bytes> from_hex(std::string_view text);

std::string to_base64(ByteView bytes);
// kInvalid unless `text` is canonical standard base64 with padding.
Result<Bytes> from_base64(std::string_view text);

// A name for people: printable UTF-8 as it is, every other byte as \xNN.
std::string printable(ByteView bytes);

class ByteWriter {
 public:
  ByteWriter& u8(uint8_t value) { return raw(&value, 1); }
  ByteWriter& u16(uint16_t value) { return integer(value); }
  ByteWriter& u32(uint32_t value) { return integer(value); }
  ByteWriter& u64(uint64_t value) { return integer(value); }
  ByteWriter& i64(int64_t value) { return integer(static_cast<uint64_t>(value)); }
  ByteWriter& varint(uint64_t value);  // LEB128
  ByteWriter& bytes(ByteView value) { return raw(value.data(), value.size()); }
  ByteWriter& string(ByteView value) { return u32(static_cast<uint32_t>(value.size())).bytes(value); }

  const Bytes& view() const { return out_; }
  Bytes take() { return std::move(out_); }

 private:
  ByteWriter& raw(const void* data, size_t size_bytes) {
    out_.append(static_cast<const char*>(data), size_bytes);
    return *this;
  }
  template <class T>
  ByteWriter& integer(T value) {
    char little_endian[sizeof(T)];
    for (size_t i = 0; i < sizeof(T); ++i) little_endian[i] = static_cast<char>(value >> (8 * i));
    return raw(little_endian, sizeof(T));
  }

  Bytes out_;
};

// Reads what ByteWriter wrote. After the first read past the end, or a bad varint,
// `ok()` is false for ever and every value is zero: check once, at the end.
class ByteReader {
 public:
  explicit ByteReader(ByteView in) : in_(in) {}

  uint8_t u8() { return static_cast<uint8_t>(integer(1)); }
  uint16_t u16() { return static_cast<uint16_t>(integer(2)); }
  uint32_t u32() { return static_cast<uint32_t>(integer(4)); }
  uint64_t u64() { return integer(8); }
  int64_t i64() { return static_cast<int64_t>(integer(8)); }
  uint64_t varint();  // LEB128, shortest form only, at most 64 bits
  ByteView bytes(size_t size_bytes);
  ByteView string() { return bytes(u32()); }

  bool ok() const { return ok_; }
  bool at_end() const { return in_.empty(); }
  size_t remaining() const { return in_.size(); }

 private:
  uint64_t integer(size_t width_bytes);

  ByteView in_;
  bool ok_ = true;
};

}  // namespace granary
