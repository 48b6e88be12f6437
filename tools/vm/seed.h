// The seed disk: what a machine is told of itself, as cloud-init's NoCloud has it: user-data and meta-data in a small
// FAT file system labelled CIDATA, made by mtools without a mount. And the keys by which one gets in.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "fs/base/bytes.h"

namespace granary {

struct Seed {
  std::string instance_id;  // another one is another machine to cloud-init
  std::string hostname;
  std::vector<std::string> ssh_keys;                          // public ones, a line each
  Bytes user_data;                                            // the user's own; may be anything cloud-init takes
  std::vector<std::pair<std::string, std::string>> settings;  // for the micro image: section [granary]
};

Bytes meta_data_of(const Seed& seed);
// The user's, and ours in front of it when there are settings: as a multi-part when there are both.
Bytes user_data_of(const Seed& seed);

// Writes the image at `path`, mode 0600: user data often holds secrets.   kNotFound: mtools is missing
Status write_seed_disk(const Seed& seed, const std::string& path);

// A FAT file system at `path` (mode 0600) with nothing but `program` in it, where UEFI firmware looks for what it
// starts.
//   kNotFound: mtools is missing
Status write_efi_disk(const std::string& program, const std::string& path);

// The public keys of ~/.ssh, or of `file`, which may be the public or the private one.
//   kNotFound, kInvalid  `file` is no public key
Result<std::vector<std::string>> public_ssh_keys(const std::string& file);
// A key of its own for a machine: `path` (mode 0600) and `path`.pub, made unless there.  Its public half.
Result<std::string> own_ssh_key(const std::string& path);

}  // namespace granary
