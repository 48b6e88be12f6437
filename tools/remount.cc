// `remount`: has a live mount look for a newer snapshot now, or brings it to another one.
#include <thread>

#include "fs/client/mount_client.h"
#include "tools/command.h"
#include "tools/commands.h"
#include "tools/format.h"
#include "tools/job_watch.h"
#include "tools/mount_place.h"

namespace granary {

namespace {
constexpr std::chrono::milliseconds kAskAgain{50};

struct Options {
  std::string mount_point, to;
  bool json = false;
};

Result<OrderedJson> outcome_of_look(const MountPoint& mount, const std::string& number) {
  const Interrupted interruptible;
  while (!Interrupted::now()) {
    auto answer = OrderedJson::parse(TRY(ask_mount(mount, "remounted " + number)), nullptr, false);
    if (!answer.is_object())
      return Error{Code::kCorrupt, "the mount's answer is not JSON: another version of Granary?"};
    if (!answer.empty()) return answer;
    std::this_thread::sleep_for(kAskAgain);
  }
  return Error{Code::kBusy, "interrupted; the mount goes on looking"};
}

Status run(const Options& options, Io& io) {
  const MountPoint mount = TRY(find_mount_or_name(options.mount_point));
  const std::string context = "cannot remount " + printable(options.mount_point);
  const std::string number =
      TRY_WITHIN(context, ask_mount(mount, options.to.empty() ? "remount" : "remount " + options.to));
  const OrderedJson outcome = TRY_WITHIN(context, outcome_of_look(mount, number));
  if (options.json) {
    print_json(io, outcome);
    return Done{};
  }
  const auto brief = [&](const char* key) { return outcome[key].get<std::string>().substr(0, 12); };
  if (outcome["switched"]) {
    io.out << "from snapshot " << brief("from") << " to " << brief("to") << ", " << outcome["names"]
           << " changed names forgotten\n";
  } else {
    io.out << "still at snapshot " << brief("to") << ": the newest\n";
  }
  return Done{};
}

Action define(CLI::App& app) {
  const auto options = std::make_shared<Options>();
  app.add_option("MOUNTPOINT", options->mount_point, "where it is mounted")->required();
  app.add_option("--to", options->to,
                 "from now on this: a branch, a tag, an id or its beginning, main~3, main@2026-11-01");
  app.add_flag("--json", options->json, "print from where to where as a JSON object");
  return [options](Io& io) { return run(*options, io); };
}
}  // namespace

const Command kRemountCommand{
    "remount", "have a mount look for a newer snapshot now",
    "Returns when the mount shows it. Open files keep their content, running programs go on. With --to the mount shows "
    "another snapshot, and follows it if it is a branch. A mount of a tag, an id or a date never changes by itself: it "
    "is refused without --to.",
    "granary remount /sw\ngranary remount /sw --to v1.2\ngranary remount /sw --to main\n", define};

}  // namespace granary
