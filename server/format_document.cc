#include "server/format_document.h"

// The assembler copies the file in as it is; a raw string literal would be bounded in size by some compilers.
__asm__(
    ".pushsection .rodata\n"
    "granary_format_document_begin:\n"
    ".incbin \"" GRANARY_FORMAT_DOCUMENT
    "\"\n"
    "granary_format_document_end:\n"
    ".popsection\n");

extern "C" {
extern const char granary_format_document_begin[] __attribute__((visibility("hidden")));
extern const char granary_format_document_end[] __attribute__((visibility("hidden")));
}

namespace granary {

ByteView format_document() {
  return {granary_format_document_begin,
          static_cast<size_t>(granary_format_document_end - granary_format_document_begin)};
}

}  // namespace granary
