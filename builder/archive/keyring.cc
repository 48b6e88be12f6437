#include "builder/archive/keyring.h"

#include "builder/debian/control.h"
#include "fs/base/file.h"

namespace granary {

namespace {
constexpr size_t kMaxKeyringBytes = 16 << 20;
constexpr std::string_view kBegin = "-----BEGIN PGP PUBLIC KEY BLOCK-----";
constexpr std::string_view kEnd = "-----END PGP PUBLIC KEY BLOCK-----";

// Of one armoured block, between its first and its last line: headers, an empty line, base64, perhaps "=checksum".
Result<Bytes> bytes_of_block(std::string_view block) {
  Bytes base64;
  bool in_headers = true;
  while (!block.empty()) {
    const std::string_view line = trimmed(next_line(block));
    if (in_headers) {
      in_headers = !line.empty();
    } else if (!line.starts_with('=')) {
      base64.append(line);
    }
  }
  return from_base64(base64);
}

Result<Bytes> bytes_of_armour(ByteView text) {
  Bytes keys;
  for (size_t from = text.find(kBegin); from != ByteView::npos; from = text.find(kBegin, from)) {
    const size_t end = text.find(kEnd, from);
    if (end == ByteView::npos) return Error{Code::kInvalid, "a block of keys has no end"};
    from = std::min(text.find('\n', from), end);
    keys += TRY(bytes_of_block(text.substr(from + 1, end - from - 1)));
  }
  return keys;
}
}  // namespace

Result<Bytes> binary_keyring(ByteView keys) {
  if (keys.find(kBegin) != ByteView::npos) return bytes_of_armour(keys);
  const bool is_keybox = keys.size() > 12 && keys.substr(8, 4) == "KBXf";
  const bool is_packet = !keys.empty() && (static_cast<unsigned char>(keys.front()) & 0x80) != 0;
  if (is_keybox || !is_packet)
    return Error{Code::kInvalid, is_keybox ? "a GnuPG keybox is no keyring for archives: export the keys (gpg --export)"
                                           : "it holds no OpenPGP keys"};
  return Bytes(keys);
}

Result<Bytes> read_keyrings(const std::vector<std::string>& files) {
  Bytes all;
  Error last{Code::kNotFound, "apt trusts no keys (trusted.gpg.d is empty) and the source names none (Signed-By)"};
  for (const std::string& file : files) {
    const auto bytes = read_file(file, kMaxKeyringBytes);
    const auto keys = bytes ? binary_keyring(*bytes) : bytes;
    if (keys) {
      all += *keys;
    } else {
      last = keys.error().within("cannot read the keys in " + printable(file));
    }
  }
  if (all.empty()) return last;
  return all;
}

}  // namespace granary
