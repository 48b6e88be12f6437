// One at a time changes the pin: granary-guest, the boot-complete mark. Held until this goes.
#pragma once

#include "fs/base/file.h"
#include "initramfs/paths.h"

namespace granary {

class PinLock {
 public:
  static Result<PinLock> take() { return PinLock(TRY(FileLock::wait(str(paths::kStateFolder, "/pin.lock")))); }

 private:
  explicit PinLock(FileLock lock) : lock_(std::move(lock)) {}
  FileLock lock_;
};

}  // namespace granary
