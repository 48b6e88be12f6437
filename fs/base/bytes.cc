#include "fs/base/bytes.h"

#include <algorithm>

namespace granary {

std::string to_hex(ByteView bytes) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string out;
  out.reserve(bytes.size() * 2);
  for (const unsigned char byte : bytes) {
    out += kDigits[byte >> 4];
    out += kDigits[byte & 15];
  }
  return out;
}

namespace {
constexpr std::string_view kBase64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

int hex_value(char digit) {
  if (digit >= '0' && digit <= '9') return digit - '0';
  if (digit >= 'a' && digit <= 'f') return digit - 'a' + 10;
  return -1;
}

// The length of the printable UTF-8 character at the start of `bytes`, or 0.
size_t printable_character(ByteView bytes) {
  const auto lead = static_cast<unsigned char>(bytes[0]);
  if (lead < 0x20 || lead == 0x7f || lead == '\\') return 0;
  if (lead < 0x80) return 1;
  const size_t length = lead >= 0xf0 && lead < 0xf5   ? 4
                        : lead >= 0xe0 && lead < 0xf0 ? 3
                        : lead >= 0xc2 && lead < 0xe0 ? 2
                                                      : 0;
  if (length == 0 || bytes.size() < length) return 0;
  for (size_t i = 1; i < length; ++i) {
    if ((static_cast<unsigned char>(bytes[i]) & 0xc0) != 0x80) return 0;
  }
  const auto second = static_cast<unsigned char>(bytes[1]);
  if (lead == 0xc2 && second < 0xa0) return 0;                                       // C1 controls
  if ((lead == 0xe0 && second < 0xa0) || (lead == 0xed && second > 0x9f)) return 0;  // overlong, surrogates
  if ((lead == 0xf0 && second < 0x90) || (lead == 0xf4 && second > 0x8f)) return 0;
  return length;
}
}  // namespace

Result<Bytes> from_hex(std::string_view text) {
  if (text.size() % 2 != 0) return Error{Code::kInvalid, str("not hexadecimal: odd length ", text.size())};
  Bytes out;
  out.reserve(text.size() / 2);
  for (size_t i = 0; i < text.size(); i += 2) {
    const int high = hex_value(text[i]);
    const int low = hex_value(text[i + 1]);
    if (high < 0 || low < 0)
      return Error{Code::kInvalid, str("not lower-case hexadecimal: \"", printable(text.substr(0, 80)), "\"")};
    out += static_cast<char>(high << 4 | low);
  }
  return out;
}

// By ourselves rather than by OpenSSL, which the micro image's init would carry for it.
std::string to_base64(ByteView bytes) {
  std::string out;
  out.reserve(4 * ((bytes.size() + 2) / 3));
  for (size_t i = 0; i < bytes.size(); i += 3) {
    const size_t have = std::min<size_t>(3, bytes.size() - i);
    uint32_t bits = 0;
    for (size_t k = 0; k < 3; ++k) bits = bits << 8 | (k < have ? static_cast<unsigned char>(bytes[i + k]) : 0u);
    for (size_t k = 0; k < 4; ++k) out += k <= have ? kBase64[bits >> (18 - 6 * k) & 63] : '=';
  }
  return out;
}

Result<Bytes> from_base64(std::string_view text) {
  const Error bad{Code::kInvalid, "not canonical base64"};
  if (text.size() % 4 != 0) return bad;
  size_t padding = 0;
  while (padding < 2 && padding < text.size() && text[text.size() - 1 - padding] == '=') ++padding;
  Bytes out;
  out.reserve(text.size() / 4 * 3);
  uint32_t bits = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    const bool is_padding = i >= text.size() - padding;
    const size_t value = is_padding ? 0 : kBase64.find(text[i]);
    if (value == std::string_view::npos) return bad;
    bits = bits << 6 | static_cast<uint32_t>(value);
    if (i % 4 != 3) continue;
    for (const int shift : {16, 8, 0}) out += static_cast<char>(bits >> shift & 0xff);
    bits = 0;
  }
  out.resize(out.size() - padding);
  if (to_base64(out) != text) return bad;  // stray bits before the padding
  return out;
}

std::string printable(ByteView bytes) {
  std::string out;
  while (!bytes.empty()) {
    const size_t length = printable_character(bytes);
    if (length == 0) {
      out += "\\x" + to_hex(bytes.substr(0, 1));
      bytes.remove_prefix(1);
      continue;
    }
    out += bytes.substr(0, length);
    bytes.remove_prefix(length);
  }
  return out;
}

ByteWriter& ByteWriter::varint(uint64_t value) {
  while (value >= 0x80) {
    u8(static_cast<uint8_t>(value | 0x80));
    value >>= 7;
  }
  return u8(static_cast<uint8_t>(value));
}

uint64_t ByteReader::integer(size_t width_bytes) {
  const ByteView raw = bytes(width_bytes);
  uint64_t value = 0;
  for (size_t i = 0; i < raw.size(); ++i) value |= uint64_t{static_cast<unsigned char>(raw[i])} << (8 * i);
  return value;
}

uint64_t ByteReader::varint() {
  uint64_t value = 0;
  for (unsigned shift = 0; shift < 64; shift += 7) {
    const uint8_t byte = u8();
    if (!ok_) return 0;
    value |= uint64_t{byte & 0x7fU} << shift;
    if (byte & 0x80) continue;
    const bool overflows = shift == 63 && byte > 1;
    const bool padded = shift > 0 && byte == 0;
    if (overflows || padded) break;
    return value;
  }
  ok_ = false;
  return 0;
}

ByteView ByteReader::bytes(size_t size_bytes) {
  if (!ok_ || size_bytes > in_.size()) {
    ok_ = false;
    return {};
  }
  const ByteView out = in_.substr(0, size_bytes);
  in_.remove_prefix(size_bytes);
  return out;
}

}  // namespace granary
