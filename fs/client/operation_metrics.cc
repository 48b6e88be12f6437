#include "fs/client/operation_metrics.h"

namespace granary {

const char* name_of(Operation operation) {
  switch (operation) {
    case Operation::kLookup: return "lookup";
    case Operation::kGetattr: return "getattr";
    case Operation::kReadlink: return "readlink";
    case Operation::kOpen: return "open";
    case Operation::kOpendir: return "opendir";
    case Operation::kRead: return "read";
    case Operation::kReaddir: return "readdir";
    case Operation::kReaddirplus: return "readdirplus";
    case Operation::kStatfs: return "statfs";
    case Operation::kGetxattr: return "getxattr";
    case Operation::kListxattr: return "listxattr";
    case Operation::kLseek: return "lseek";
    case Operation::kOther: return "other";
  }
  return "?";
}

}  // namespace granary
