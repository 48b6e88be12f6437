// Digest: a SHA-256 value, the name of everything Granary keeps. Written as 64 lower-case hex digits.
// Sha256: computes one piece by piece. A Sha256 belongs to one thread at a time.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <functional>
#include <memory>
#include <ostream>

#include "fs/base/bytes.h"

namespace granary {

class Digest {
 public:
  static constexpr size_t kSizeBytes = 32;

  Digest() = default;  // all zero: "none"
  static Digest of(ByteView bytes);
  // kInvalid unless exactly 64 lower-case hexadecimal digits.
  static Result<Digest> parse(std::string_view hex);
  // kCorrupt unless exactly 32 bytes.
  static Result<Digest> from_raw(ByteView raw);

  bool is_none() const { return *this == Digest{}; }
  ByteView raw() const { return {reinterpret_cast<const char*>(bytes_.data()), bytes_.size()}; }
  std::string hex() const { return to_hex(raw()); }
  std::string brief() const { return hex().substr(0, 12); }  // for people

  auto operator<=>(const Digest&) const = default;

 private:
  friend class Sha256;
  std::array<uint8_t, kSizeBytes> bytes_{};
};

inline std::ostream& operator<<(std::ostream& out, const Digest& digest) { return out << digest.hex(); }

class Sha256 {
 public:
  Sha256();
  Sha256& update(ByteView bytes);
  Digest finish();  // and starts anew

 private:
  struct Free {
    void operator()(void* context) const;
  };
  std::unique_ptr<void, Free> context_;
};

}  // namespace granary

template <>
struct std::hash<granary::Digest> {
  size_t operator()(const granary::Digest& digest) const noexcept {
    size_t value;
    std::memcpy(&value, digest.raw().data(), sizeof value);
    return value;
  }
};
