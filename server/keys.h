// Private keys: made, kept in files, and turned into Signers. A key file is one of
//   PKCS#8 in PEM ("PRIVATE KEY"), or the same under a passphrase ("ENCRYPTED PRIVATE KEY": scrypt, AES-256);
//   a key command: {"granary":"key-command","format":1,"algorithm":"ed25519","public":"<base64>","command":["…", …]}, a
//   program that gets the bytes to sign on its standard input and answers with the 64 raw bytes of the signature. This
//   is how a smart card, a PKCS#11 module or a signing service is plugged in; what it answers is verified before it is
//   used.
// Private bytes are wiped from memory and never logged.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "fs/base/signing.h"
#include "server/secret.h"

namespace granary {

// Makes an Ed25519 key: the private half at `path` (mode 0600), the public half (PEM) beside it, ".key" becoming
// ".pub". An empty passphrase leaves it unencrypted. Nothing is ever overwritten: kConflict when either file is there.
Result<PublicKey> create_key(const std::string& path, const Secret& passphrase);

// The key in a file. `ask` is called only when it is encrypted.
//   kPermission  others can read or write it (of a key command too: it makes us run a program)
//   kInvalid     not a key file, a wrong passphrase, or a kind of key that we do not use
Result<std::unique_ptr<Signer>> load_key(const std::string& path, const AskPassphrase& ask = ask_passphrase);

// The public half in a file: PEM ("PUBLIC KEY") or a key command. Asks nobody anything.
Result<PublicKey> load_public_key(const std::string& path);
Bytes public_key_pem(const PublicKey& key);

using Signers = std::vector<std::unique_ptr<Signer>>;

// A directory of keys (mode 0700):
//   root/*.key       the root keys; to be moved to another place once the repository is made: publishing never needs
//   them release*.key     release keys, usually one timestamp*.key   timestamp keys, usually one
class KeyDirectory {
 public:
  explicit KeyDirectory(std::string path) : path_(std::move(path)) {}

  const std::string& path() const { return path_; }
  std::string root_path() const { return path_ + "/root"; }
  // Creates the directory and the one for root keys. kConflict when either is there and not empty.
  Status create() const;

  // All keys of a role, in order of file name. kNotFound, naming the place, when there are none.
  Result<Signers> load_root(const AskPassphrase& ask = ask_passphrase) const;
  Result<Signers> load_release(const AskPassphrase& ask = ask_passphrase) const;
  Result<Signers> load_timestamp(const AskPassphrase& ask = ask_passphrase) const;

 private:
  const std::string path_;
};

// The same for any directory: every file "<prefix>*.key" in it.
Result<Signers> load_keys(const std::string& directory, const std::string& prefix,
                          const AskPassphrase& ask = ask_passphrase);

}  // namespace granary
