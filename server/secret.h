// Secret: bytes that are wiped from memory when they go. Never printed, never logged, never copied.
#pragma once

#include <openssl/crypto.h>

#include <functional>

#include "fs/base/bytes.h"

namespace granary {

class Secret {
 public:
  Secret() = default;
  explicit Secret(Bytes bytes) : bytes_(std::move(bytes)) {}
  Secret(Secret&& other) noexcept : bytes_(other.bytes_) { other.wipe(); }
  Secret& operator=(Secret&& other) noexcept {
    wipe();
    bytes_ = other.bytes_;
    other.wipe();
    return *this;
  }
  ~Secret() { wipe(); }

  ByteView view() const { return bytes_; }
  bool empty() const { return bytes_.empty(); }

 private:
  void wipe() {
    OPENSSL_cleanse(bytes_.data(), bytes_.size());
    bytes_.clear();
  }
  Bytes bytes_;
};

// Where a passphrase comes from; `what` says for which key.
using AskPassphrase = std::function<Result<Secret>(const std::string& what)>;

// From the file that $GRANARY_PASSPHRASE_FILE names (mode 0600; its first line), or else from the terminal, without
// echo.
//   kInvalid  neither is there
Result<Secret> ask_passphrase(const std::string& what);
// The same for a new key: on the terminal it is asked for twice. An empty answer means: no passphrase.
Result<Secret> ask_new_passphrase(const std::string& what);

// The whole of a private file. kPermission, naming the chmod that helps, unless its mode shuts out group and others.
Result<Secret> read_secret_file(const std::string& path);

}  // namespace granary
