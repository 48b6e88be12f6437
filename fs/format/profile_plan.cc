#include "fs/format/profile_plan.h"

#include <cassert>
#include <unordered_set>

namespace granary {

namespace {
constexpr ByteView kMagic = "GRNP";
constexpr uint8_t kVersion = 1;

Error corrupt(const std::string& why) { return {Code::kCorrupt, "not a sound plan: " + why}; }
}  // namespace

uint64_t Plan::total_bytes() const {
  uint64_t total = 0;
  for (const PlannedObject& object : objects) total += object.size_bytes;
  return total;
}

Bytes encode_plan(const Plan& plan) {
  assert(plan.objects.size() <= kMaxPlannedObjects);
  ByteWriter out;
  out.bytes(kMagic).u8(kVersion).u8(0).u16(0).u32(static_cast<uint32_t>(plan.objects.size()));
  for (const PlannedObject& object : plan.objects) out.bytes(object.id.raw()).u32(object.size_bytes);
  return out.take();
}

Result<Plan> decode_plan(ByteView object) {
  ByteReader in(object);
  if (in.bytes(kMagic.size()) != kMagic) return corrupt("it does not start like one");
  if (const uint8_t version = in.u8(); version != kVersion)
    return Error{Code::kUnsupported,
                 str("plan of version ", unsigned{version}, "; we know version 1: a newer Granary is needed")};
  const bool is_reserved_zero = in.u8() == 0 && in.u16() == 0;
  const uint32_t count = in.u32();
  if (!in.ok() || !is_reserved_zero) return corrupt("its header is damaged");
  if (count > kMaxPlannedObjects) return corrupt(str("it names ", count, " objects; ", kMaxPlannedObjects, " is most"));
  if (in.remaining() != count * (Digest::kSizeBytes + sizeof(uint32_t)))
    return corrupt(str("its length is not that of ", count, " objects"));
  Plan plan;
  plan.objects.reserve(count);
  std::unordered_set<ObjectId> known;
  for (uint32_t i = 0; i < count; ++i) {
    PlannedObject planned;
    planned.id = TRY(Digest::from_raw(in.bytes(Digest::kSizeBytes)));
    planned.size_bytes = in.u32();
    if (planned.size_bytes == 0 || planned.size_bytes > kMaxObjectBytes)
      return corrupt(str("object ", planned.id.brief(), " is said to have ", planned.size_bytes, " bytes"));
    if (!known.insert(planned.id).second) return corrupt(str("it names object ", planned.id.brief(), " twice"));
    plan.objects.push_back(planned);
  }
  return plan;
}

}  // namespace granary
