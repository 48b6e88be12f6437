// CommandSigner: signs by asking another program: the bytes on its standard input, the raw signature on its standard
// output.
#pragma once

#include <string>
#include <vector>

#include "fs/base/signing.h"

namespace granary {

class CommandSigner : public Signer {
 public:
  // `command`: the program (looked for in PATH unless it has a slash) and its arguments; not empty.
  // The program inherits standard error, so that it can ask for a PIN or say what is wrong.
  CommandSigner(PublicKey key, std::vector<std::string> command, int timeout_seconds = 120)
      : key_(std::move(key)), command_(std::move(command)), timeout_seconds_(timeout_seconds) {}

  const PublicKey& public_key() const override { return key_; }
  //   kUnavailable  the program cannot be started, failed, or did not answer in time
  //   kUntrusted    its answer is not this key's signature
  Result<Bytes> sign(ByteView message) override;

 private:
  const PublicKey key_;
  const std::vector<std::string> command_;
  const int timeout_seconds_;
};

}  // namespace granary
