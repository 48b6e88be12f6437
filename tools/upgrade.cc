// `upgrade`: another version of the mount program under a live mount.
#include <unistd.h>

#include "fs/base/bytes.h"
#include "fs/client/control_socket.h"
#include "fs/client/mount_client.h"
#include "fs/fuse/upgrade_request.h"
#include "tools/command.h"
#include "tools/commands.h"
#include "tools/mount_place.h"
#include "tools/programs.h"

namespace granary {

namespace {
constexpr std::chrono::seconds kTimeout{120};  // the new program opens the snapshot first, perhaps over a slow network

struct Options {
  std::vector<std::string> mount_points;
  std::string program;
  bool all = false;
  bool only_worker = false;
  bool json = false;
};

Result<std::vector<MountPoint>> chosen_mounts(const Options& options) {
  std::vector<MountPoint> out;
  for (const std::string& path : options.mount_points) out.push_back(TRY(find_mount_or_name(path)));
  if (!options.all) return out;
  for (const MountPoint& mount : TRY(read_mount_table())) {
    if (mount.is_granary()) out.push_back(mount);
  }
  return out;
}

Result<std::string> program_for(const Options& options) {
  const std::string program = options.program.empty() ? TRY(find_program("granary-mount")) : options.program;
  const std::string full = TRY(mount_path(program));
  if (::access(full.c_str(), X_OK) != 0)
    return Error{Code::kInvalid, printable(full) + " is no program that can be run"};
  return full;
}

Result<OrderedJson> upgrade(const MountPoint& mount, const UpgradeRequest& request) {
  auto supervisor = TRY_WITHIN("cannot upgrade " + printable(mount.path),
                               ControlClient::connect(mount, ControlListener::Of::kSupervisor));
  return OrderedJson::parse(TRY(supervisor.ask(request.question(), kTimeout)), nullptr, false);
}

Status run(const Options& options, Io& io) {
  if (options.mount_points.empty() && !options.all) return Error{Code::kInvalid, "expected a mount point, or --all"};
  UpgradeRequest request;
  request.with_supervisor = !options.only_worker;
  request.program = TRY(program_for(options));
  OrderedJson all = OrderedJson::array();
  std::optional<Error> failure;
  for (const MountPoint& mount : TRY(chosen_mounts(options))) {
    const auto answer = upgrade(mount, request);
    if (!answer) {
      io.err << "granary: " << printable(mount.path) << ": " << answer.error().message << "\n";
      failure = answer.error();
      continue;
    }
    all.push_back(*answer);
    if (options.json) continue;
    const OrderedJson& done = all.back();
    io.out << printable(mount.path) << ": from " << done["from"].get<std::string>() << " to "
           << done["to"].get<std::string>() << ", worker " << done["worker_pid"] << ", supervisor "
           << done["supervisor_pid"] << " " << done["supervisor"].get<std::string>() << "\n";
  }
  if (options.json) print_json(io, all);
  if (failure) return Error{failure->code, "not every mount was upgraded"};
  return Done{};
}

Action define(CLI::App& app) {
  const auto options = std::make_shared<Options>();
  app.add_option("MOUNTPOINT", options->mount_points, "live mounts");
  app.add_flag("--all", options->all, "every Granary mount of this machine");
  app.add_option("--program", options->program, "the new mount program (default: the granary-mount of this granary)");
  app.add_flag("--only-worker", options->only_worker, "leave the supervisor as it is");
  app.add_flag("--json", options->json, "one JSON document: an object for each mount");
  return [options](Io& io) { return run(*options, io); };
}
}  // namespace

const Command kUpgradeCommand{
    "upgrade", "swap the mount program under a live mount",
    "Starts the new program beside the old one, lets it open the snapshot, and only then hands the mount over: open\n"
    "files, directories and running programs go on, and requests under way are answered by the new one. If the new\n"
    "program cannot be started or fails before it serves, the old one goes on, and the message says why. Recordings\n"
    "of profiles end; a fill begins again.",
    "granary upgrade /sw\ngranary upgrade --all\ngranary upgrade /sw --program /opt/granary-next/bin/granary-mount\n",
    define};

}  // namespace granary
