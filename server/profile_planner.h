// make_plan: which objects a client should fetch ahead, so that what a trace touched is at hand in a snapshot
// (docs/format.md, 7.9). The trace may have been recorded on another snapshot: what is unchanged is kept.
// Reads objects, changes nothing. One call may use several threads.
#pragma once

#include "fs/format/catalog.h"
#include "fs/format/profile_plan.h"
#include "fs/format/profile_trace.h"
#include "fs/store/object_store.h"

namespace granary {

struct PlannedProfile {
  Plan plan;  // in order of first touch; the catalog's own objects where they are needed first
  uint64_t touches = 0;
  uint64_t kept = 0;   // of them, those that still are what they were
  uint64_t moved = 0;  // of those kept, files that lie at another path now
};

// `store` has all objects of the catalog and its files.
//   kInvalid  nothing of the trace is left, or the plan would have more than kMaxPlannedObjects
Result<PlannedProfile> make_plan(const Trace& trace, const CatalogId& catalog, ObjectStore& store);

}  // namespace granary
