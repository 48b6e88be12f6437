// Plan: the objects that a client fetches ahead, in this order (docs/format.md, 7.9). Stored as an object that a
// profile note names. Value types; pure functions. What is decoded is foreign data.
#pragma once

#include <vector>

#include "fs/format/object.h"

namespace granary {

inline constexpr size_t kMaxPlannedObjects = 65'536;

struct PlannedObject {
  ObjectId id;
  uint32_t size_bytes = 0;  // plain; 1 … kMaxObjectBytes. What the planner says: the object itself may differ
  bool operator==(const PlannedObject&) const = default;
};

struct Plan {
  std::vector<PlannedObject> objects;  // none twice

  // Cannot overflow: 65,536 objects of 16 MiB.
  uint64_t total_bytes() const;
  bool operator==(const Plan&) const = default;
};

// `plan` keeps to the bounds above.
Bytes encode_plan(const Plan& plan);
// `object`: the plain bytes of the plan object, whose digest the reader has compared.
//   kCorrupt      not a plan, an object twice, or beyond the bounds
//   kUnsupported  of a version newer than ours
Result<Plan> decode_plan(ByteView object);

}  // namespace granary
