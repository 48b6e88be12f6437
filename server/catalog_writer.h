// Writes a changed catalog as objects: the groups that changed, the index leaves over them, and the index
// (docs/format.md, 6.3).
#pragma once

#include "server/object_writer.h"
#include "server/page_overlay.h"

namespace granary {

struct WrittenCatalog {
  ObjectId id;
  std::vector<ObjectId> new_objects;  // what the base did not have
};

// `base`: what the overlay lies on, or null. `roots`: where the b-trees begin, which go into the index.
Result<WrittenCatalog> write_catalog(PageOverlay& pages, CatalogPages* base, const std::optional<ObjectId>& base_id,
                                     const std::vector<uint32_t>& roots, ObjectWriter& writer);

}  // namespace granary
