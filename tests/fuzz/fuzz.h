// What fuzz targets share. A target is `void try_input(ByteView input)`: foreign bytes, from which nothing but an
// honest value or an error may come. A broken promise ends the program, which is what a fuzzer looks for.
#pragma once

#include <cstdio>
#include <cstdlib>

#include "fs/base/bytes.h"
#include "fs/base/result.h"

namespace granary {

// Defined by each target.
void try_input(ByteView input);

// Holds in every build, unlike assert.
inline void promise(bool kept, const char* what) {
  if (kept) return;
  std::fprintf(stderr, "broken promise: %s\n", what);
  std::abort();
}

// For documents: what was accepted can be written, and reads back as the same.
template <class Document>
void try_document(ByteView input) {
  const Result<Document> first = Document::parse(input);
  if (!first) return;
  const Bytes written = first->serialise();
  const Result<Document> second = Document::parse(written);
  promise(bool(second), "what was written can be read");
  promise(*second == *first, "what was read is what was written");
  promise(second->serialise() == written, "writing is canonical");
}

}  // namespace granary
