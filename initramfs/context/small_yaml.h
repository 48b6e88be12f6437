// The YAML that NoCloud's meta-data and network-config are written in, and no more: block mappings and sequences, plain
// and quoted scalars, literal blocks ("|", "|-"), flow lists and mappings that end on their line, comments, one "---".
// Anchors, tags, aliases, merge keys, several documents, scalars over several lines, tabs as indentation are refused:
// better no context than a misunderstood one. JSON is read, too. Every scalar becomes a text, "~", null and nothing a
// null.
#pragma once

#include <string>

#include "initramfs/json_reading.h"

namespace granary {

// kInvalid: the message names `what`, the line, and what is not understood.
Result<Json> parse_small_yaml(ByteView text, const std::string& what);

}  // namespace granary
