#include "fs/format/changed_parts.h"

namespace granary {

std::vector<std::string> changed_parts(const Node& before, const Node& after) {
  const Node &a = before, &b = after;
  std::vector<std::string> parts;
  const auto note = [&](bool changed, const char* part) {
    if (changed) parts.emplace_back(part);
  };
  note(a.type != b.type, "type");
  note(a.type == b.type && a.is_file() && a.digest != b.digest, "content");
  note(a.target != b.target, "target");
  note(a.device_major != b.device_major || a.device_minor != b.device_minor, "device");
  note(a.mode != b.mode, "mode");
  note(a.uid != b.uid || a.gid != b.gid, "owner");
  note(a.mtime != b.mtime || a.mtime_ns != b.mtime_ns, "mtime");
  note(a.xattrs != b.xattrs, "xattrs");
  return parts;
}

}  // namespace granary
