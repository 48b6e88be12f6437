// `fill`: lets a live mount fetch everything in the background, or no more.
#include "fs/client/background_fill.h"
#include "fs/client/mount_client.h"
#include "tools/command.h"
#include "tools/commands.h"
#include "tools/format.h"
#include "tools/mount_place.h"

namespace granary {

namespace {
struct Options {
  std::string mount_point, rate;
  bool json = false;
};

Status run(const Options& options, Io& io) {
  if (!options.rate.empty() && options.rate != "off") TRY(FillRate::parse(options.rate));
  const MountPoint mount = TRY(find_mount_or_name(options.mount_point));
  const OrderedJson fill =
      OrderedJson::parse(TRY(ask_mount(mount, options.rate.empty() ? "fill" : "fill " + options.rate)), nullptr, false);
  if (fill.is_discarded()) return Error{Code::kCorrupt, "the mount's answer is not JSON: another version of Granary?"};
  if (options.json) {
    print_json(io, fill);
    return Done{};
  }
  io.out << "fill " << fill["state"].get<std::string>();
  if (fill["objects_total"] != 0)
    io.out << ", " << human_count(fill["objects_done"]) << " of " << human_count(fill["objects_total"]) << " objects";
  io.out << "\n";
  return Done{};
}

Action define(CLI::App& app) {
  const auto options = std::make_shared<Options>();
  app.add_option("MOUNTPOINT", options->mount_point, "where it is mounted")->required();
  app.add_option("RATE", options->rate, "bytes a second, such as 500K or 5M; \"unlimited\"; \"off\"; none: only ask");
  app.add_flag("--json", options->json, "print how it is as a JSON object");
  return [options](Io& io) { return run(*options, io); };
}
}  // namespace

const Command kFillCommand{
    "fill", "let a mount fetch everything in the background",
    "As `granary mount --fill RATE`, for a mount that lives. Only when nobody waits for anything: what is read, and "
    "what "
    "is read ahead, goes first. Stops when the cache is 80 % full, so that nothing is evicted for it. `granary stat` "
    "shows how far it is.",
    "granary fill /sw 5M\ngranary fill /sw off\n", define};

}  // namespace granary
