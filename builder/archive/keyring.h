// Keyrings as gpgv wants them: binary OpenPGP packets, one key after the other.
#pragma once

#include <string>
#include <vector>

#include "fs/base/bytes.h"

namespace granary {

// Binary keys as they are; ASCII-armoured ones (RFC 4880, section 6.2), block by block, as the bytes they stand for.
//   kInvalid  neither: GnuPG's own keybox, or something else
Result<Bytes> binary_keyring(ByteView keys);

// All keys of these files. Files that hold none that we can read are passed over, unless all do.
Result<Bytes> read_keyrings(const std::vector<std::string>& files);

}  // namespace granary
