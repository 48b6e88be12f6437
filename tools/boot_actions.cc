#include "tools/boot_actions.h"

#include <sys/stat.h>
#include <unistd.h>

#include "fs/base/file.h"
#include "fs/base/time.h"
#include "tools/format.h"

namespace granary {

namespace {
constexpr std::chrono::seconds kPowerButtonPatience{90};

uint64_t disk_bytes_of(const KeptMachine& machine) {
  struct stat info {};
  return ::stat(machine.path(kDiskFile).c_str(), &info) == 0 ? static_cast<uint64_t>(info.st_blocks) * 512 : 0;
}

std::string what_it_boots(const MachineRequest& request) {
  if (!request.snapshot.empty()) return request.snapshot.substr(0, 12);
  if (!request.tag.empty()) return request.tag;
  return request.branch.empty() ? "main" : request.branch;
}

OrderedJson json_of(const KeptMachine& machine) {
  const auto now = machine.running();
  const MachineRequest& request = machine.request();
  OrderedJson out{{"name", request.name}, {"state", now ? "running" : machine.is_running() ? "starting" : "stopped"}};
  out["folder"] = machine.folder();
  out["repository"] = request.repository;
  out["image"] = request.image;
  out["boots"] = what_it_boots(request);
  out["disk_bytes"] = disk_bytes_of(machine);
  if (!now) return out;
  out["started_at"] = format_utc(now->started_at);
  out["keeper_pid"] = now->keeper.pid;
  out["qemu_pid"] = now->qemu.pid;
  out["ssh_port"] = now->ssh_port;
  out["accelerator"] = now->kvm ? "kvm" : "tcg";
  out["completions"] = now->completions;
  if (now->completions > 0) out["snapshot"] = now->complete.snapshot;
  return out;
}

std::string line_of(const OrderedJson& machine) {
  std::string out = str(machine["name"].get<std::string>(), "\t", machine["state"].get<std::string>(), "\t",
                        machine["repository"].get<std::string>(), machine["image"].get<std::string>(), " ",
                        machine["boots"].get<std::string>());
  if (machine.contains("ssh_port")) out += str("\tssh port ", machine["ssh_port"].get<int>());
  if (machine.contains("completions"))
    out += machine.contains("snapshot") ? str("\tup: ", machine["snapshot"].get<std::string>().substr(0, 12))
                                        : "\tcoming up";
  return out;
}

Status list(const ActionOptions& options, Io& io) {
  OrderedJson all = OrderedJson::array();
  for (const std::string& name : KeptMachine::names()) {
    if (!options.machine.empty() && name != options.machine) continue;
    if (const auto machine = KeptMachine::open(name)) all.push_back(json_of(*machine));
  }
  if (!options.machine.empty() && all.empty()) TRY(KeptMachine::open(options.machine));
  if (options.json) {
    print_json(io, all);
    return Done{};
  }
  for (const OrderedJson& machine : all) io.out << line_of(machine) << "\n";
  return Done{};
}

Status stop(const KeptMachine& machine, const ActionOptions& options, Io& io) {
  const std::string& name = machine.request().name;
  const bool was_running = machine.is_running();
  const bool by_button = was_running ? TRY(machine.stop(kPowerButtonPatience, io)) : true;
  if (options.json) {
    print_json(io, {{"name", name}, {"was_running", was_running}, {"powered_off", by_button}});
  } else {
    io.out << name << (!was_running ? " was not running" : by_button ? " powered off" : " was cut off") << "\n";
  }
  return Done{};
}

Status reset(KeptMachine& machine, const ActionOptions& options, Io& io) {
  const auto begin = std::chrono::steady_clock::now();
  const bool was_running = machine.is_running();
  if (was_running) TRY(machine.cut_off());
  TRY(machine.reset());
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  if (was_running) TRY(machine.start(io));
  const std::string& snapshot = machine.request().snapshot;
  if (options.json) {
    OrderedJson out{{"name", machine.request().name}, {"reset_seconds", seconds}, {"started_again", was_running}};
    if (!snapshot.empty()) out["snapshot"] = snapshot;
    print_json(io, out);
  } else {
    io.out << machine.request().name << " is as it was at first";
    if (!snapshot.empty()) io.out << ", on snapshot " << snapshot.substr(0, 12);
    io.out << (was_running ? "; it starts again" : "") << "\n";
  }
  return Done{};
}

Status ssh(const KeptMachine& machine, const ActionOptions& options, Io& io) {
  const auto words = TRY(machine.ssh_words(options.user, options.words));
  std::vector<char*> arguments;
  for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  io.out.flush();
  ::execv(arguments[0], arguments.data());
  return system_error(errno, "cannot start " + words.front());
}
}  // namespace

Status act(const ActionOptions& options, Io& io) {
  const std::string& action = options.action;
  if (action == "list") return list(options, io);
  if (action != "stop" && action != "console" && action != "ssh" && action != "reset" && action != "remove")
    return Error{Code::kInvalid, str(printable(action), ": expected list, stop, console, ssh, reset or remove")};
  KeptMachine machine = TRY(KeptMachine::open(options.machine));
  if (action == "stop") return stop(machine, options, io);
  if (action == "console") return machine.console(io);
  if (action == "ssh") return ssh(machine, options, io);
  if (action == "reset") return reset(machine, options, io);
  return machine.remove();
}

void tell_booted(const Booted& booted, const MachineRequest& request, bool as_json, Io& io) {
  const bool served = request.repository_is_directory();
  if (!as_json) {
    io.out << "complete after " << static_cast<int>(booted.seconds + 0.5) << " s: snapshot "
           << booted.complete.snapshot;
    if (served)
      io.out << ", " << human_count(booted.served.requests) << " requests, " << human_bytes(booted.served.bytes);
    io.out << "\n";
    return;
  }
  OrderedJson out{{"complete", true},
                  {"snapshot", booted.complete.snapshot},
                  {"seconds", booted.seconds},
                  {"guest_seconds", booted.complete.guest_seconds},
                  {"accelerator", booted.kvm ? "kvm" : "tcg"}};
  if (served) out["served_requests"] = booted.served.requests;
  if (served) out["served_bytes"] = booted.served.bytes;
  print_json(io, out);
}

Status tell_started(const KeptMachine& machine, bool as_json, Io& io) {
  const OrderedJson now = json_of(machine);
  if (as_json) {
    print_json(io, now);
  } else {
    io.out << line_of(now) << "\n";
  }
  return Done{};
}

Status print_for_libvirt(const KeptMachine& machine, Io& io) {
  PreparedMachine prepared = TRY(prepare_machine(machine.request(), machine.folder(), true, io));
  prepared.machine.name = "granary-" + machine.request().name;
  io.out << libvirt_xml(prepared.machine);
  if (prepared.server)
    io.err << "granary: the domain looks for its repository at " << prepared.url << ": granary serve "
           << machine.request().repository << " --listen " << prepared.server->url().substr(sizeof "http://" - 1)
           << "\n";
  return Done{};
}

}  // namespace granary
