#include "fs/base/result.h"

namespace granary {

const char* name_of(Code code) {
  switch (code) {
    case Code::kInvalid: return "invalid";
    case Code::kNotFound: return "not-found";
    case Code::kUnavailable: return "unavailable";
    case Code::kCorrupt: return "corrupt";
    case Code::kUntrusted: return "untrusted";
    case Code::kExpired: return "expired";
    case Code::kConflict: return "conflict";
    case Code::kNoSpace: return "no-space";
    case Code::kBusy: return "busy";
    case Code::kNotARepository: return "not-a-repository";
    case Code::kNoFuse: return "no-fuse";
    case Code::kBadTrustFile: return "bad-trust-file";
    case Code::kBadUrl: return "bad-url";
    case Code::kPermission: return "permission";
    case Code::kUnsupported: return "unsupported";
    case Code::kRollback: return "rollback";
    case Code::kMixAndMatch: return "mix-and-match";
    case Code::kEndlessData: return "endless-data";
    case Code::kWrongRepository: return "wrong-repository";
    case Code::kEquivocation: return "equivocation";
    case Code::kInternal: return "internal";
  }
  return "unknown";
}

}  // namespace granary
