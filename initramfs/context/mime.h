// User data in several parts (RFC 2045, 2046), as cloud-init's write-mime-multipart and amiconfig-mime make them.
#pragma once

#include <string>
#include <vector>

#include "fs/base/bytes.h"

namespace granary {

struct MimePart {
  std::string type;  // lower case, without parameters: "text/cloud-config"
  Bytes bytes;       // decoded
};

// Whether `text` begins as a message with headers does, of more than one part.
bool is_multipart(ByteView text);

// The innermost parts, in order, nested multi-parts opened. What cannot be decoded is told of in `problems`, a line
// each, and left out. At most 256 parts, five deep.
std::vector<MimePart> parts_of(ByteView message, std::vector<std::string>& problems);

}  // namespace granary
