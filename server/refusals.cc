#include "server/refusals.h"

namespace granary {

void Refusals::add(ByteView path, const Error& why) {
  // Causes of several kinds are the input's fault, all in all.
  code_ = count_ == 0 || code_ == why.code ? why.code : Code::kInvalid;
  ++count_;
  if (!full()) told_.push_back("/" + printable(path) + ": " + why.message);
}

Status Refusals::status() const {
  if (count_ == 0) return Done{};
  if (count_ == 1) return Error{code_, "cannot take " + told_.front()};
  std::string message = str("cannot take ", count_, " entries");
  for (const auto& one : told_) message += "\n  " + one;
  if (told_.size() < count_) message += str("\n  and ", count_ - told_.size(), " more");
  return Error{code_, message};
}

}  // namespace granary
