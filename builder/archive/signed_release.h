// InRelease: a Release file inside an OpenPGP signature. Nothing of it is parsed before gpgv has found the signature
// good, and then only what was signed.
#pragma once

#include <string>
#include <vector>

#include "fs/base/bytes.h"
#include "fs/base/time.h"

namespace granary {

struct SignedText {
  Bytes text;                        // exactly what was signed
  std::vector<std::string> signers;  // fingerprints of the primary keys whose signatures are good, sorted
};

// Checks with gpgv against a binary keyring. One good signature is enough, a bad one spoils it. A key that expired
// after `as_of` still counts.
//   kUntrusted   not signed, badly signed, or by none of these keys: the message names the keys that signed
//   kNotFound    gpgv is not installed
Result<SignedText> verify_inrelease(ByteView inrelease, ByteView keyring, UnixSeconds as_of);

}  // namespace granary
