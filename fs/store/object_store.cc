#include "fs/store/object_store.h"

namespace granary {

Result<SharedBytes> StoreReader::read(const ObjectId& id) {
  const Bytes file = TRY(store_.get(id));
  return std::make_shared<const Bytes>(TRY(decode_object(id, file)));
}

}  // namespace granary
