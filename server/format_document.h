// The text of docs/format.md, which every repository carries. Made part of the program by the build.
#pragma once

#include "fs/base/bytes.h"

namespace granary {

ByteView format_document();

}  // namespace granary
