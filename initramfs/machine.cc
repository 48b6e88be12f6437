#include "initramfs/machine.h"

#include <nlohmann/json.hpp>

#include "fs/base/file.h"
#include "initramfs/paths.h"

namespace granary {

namespace {
using Json = nlohmann::json;

// Calls `each` with the name and the place of every member: one list for writing and reading.
template <class M, class Each>
void members(M& machine, const Each& each) {
  each("repository", machine.repository);
  each("name", machine.repository_name);
  each("urls", machine.urls);
  each("trust", machine.trust);
  each("branch", machine.branch);
  each("asked", machine.asked);
  each("snapshot", machine.snapshot);
  each("tree_digest", machine.tree_digest);
  each("published_at", machine.published_at);
  each("path", machine.path);
  each("how", machine.how);
  each("freshness", machine.freshness);
  each("scratch", machine.scratch);
  each("lasting", machine.lasting);
  each("persistent", machine.persistent);
  each("upper", machine.upper);
  each("proxy", machine.proxy);
  each("recording", machine.recording);
  each("context_source", machine.context_source);
  each("instance_id", machine.instance_id);
  each("hostname", machine.hostname);
  each("time", machine.time);
  each("addresses", machine.addresses);
  each("dns", machine.dns);
  each("granary", machine.granary);
  each("kernel", machine.kernel);
  each("booted_at", machine.booted_at);
  each("complete_timeout_seconds", machine.complete_timeout_seconds);
  each("seconds_to_switch", machine.seconds_to_switch);
}

void take(const Json& from, std::string& into) {
  if (from.is_string()) into = from.get<std::string>();
}
void take(const Json& from, bool& into) {
  if (from.is_boolean()) into = from.get<bool>();
}
void take(const Json& from, uint64_t& into) {
  if (from.is_number_unsigned()) into = from.get<uint64_t>();
}
void take(const Json& from, double& into) {
  if (from.is_number()) into = from.get<double>();
}
void take(const Json& from, std::vector<std::string>& into) {
  if (!from.is_array()) return;
  for (const Json& item : from) {
    if (item.is_string()) into.push_back(item.get<std::string>());
  }
}
}  // namespace

Bytes serialise(const StartedMachine& machine) {
  Json out = Json::object();
  members(machine, [&](const char* name, const auto& value) { out[name] = value; });
  return out.dump(2, ' ', true, Json::error_handler_t::replace) + "\n";
}

Result<StartedMachine> parse_machine(ByteView text) {
  const Json in = Json::parse(text, nullptr, false);
  if (!in.is_object()) return Error{Code::kCorrupt, "not what a micro image tells of a machine"};
  StartedMachine machine;
  members(machine, [&](const char* name, auto& value) {
    if (const auto found = in.find(name); found != in.end()) take(*found, value);
  });
  return machine;
}

Result<StartedMachine> load_machine() {
  const std::string path = str(paths::kBootFolder, "/machine.json");
  const auto text = read_file(path, 1 << 20);
  if (!text && text.error().code == Code::kNotFound)
    return Error{Code::kNotFound, "this machine was not started by a Granary micro image: there is no " + path};
  if (!text) return text.error();
  const auto machine = parse_machine(*text);
  return machine ? machine : machine.error().within(path);
}

}  // namespace granary
