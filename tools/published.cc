#include "tools/published.h"

namespace granary {

OrderedJson published_json(const Published& published) {
  return {{"snapshot", published.snapshot.hex()},
          {"tree_digest", published.tree.hex()},
          {"branch", published.branch},
          {"revision", published.revision},
          {"changed", published.changed},
          {"merged", published.merged},
          {"entries", published.entries},
          {"bytes", published.bytes},
          {"changes", published.changes},
          {"files_read", published.files_read},
          {"files_recognised", published.files_recognised},
          {"new_objects", published.new_objects},
          {"new_bytes", published.new_bytes}};
}

}  // namespace granary
