#include "tools/vm/process_identity.h"

#include "fs/base/file.h"

namespace granary {

namespace {
// Of proc(5)'s stat, what follows the name in brackets, which may hold anything: the state is 3, the start is 22.
std::string field_of(const Bytes& stat, int number) {
  size_t at = stat.rfind(')');
  if (at == Bytes::npos) return {};
  for (int field = 2; field < number; ++field) {
    at = stat.find(' ', at + 1);
    if (at == Bytes::npos) return {};
  }
  return stat.substr(at + 1, stat.find_first_of(" \n", at + 1) - at - 1);
}
}  // namespace

ProcessIdentity ProcessIdentity::of(pid_t pid) {
  const auto stat = read_file(str("/proc/", pid, "/stat"), 4096);
  const auto boot = read_file("/proc/sys/kernel/random/boot_id", 100);
  if (!stat || !boot || field_of(*stat, 3) == "Z") return {pid, ""};
  return {pid, boot->substr(0, boot->find('\n')) + "/" + field_of(*stat, 22)};
}

}  // namespace granary
