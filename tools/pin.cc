// `pin`: fetches paths of a mount and protects them from eviction; `pin --list` shows what is protected.
#include "fs/store/pins.h"
#include "tools/command.h"
#include "tools/commands.h"
#include "tools/format.h"
#include "tools/job_watch.h"
#include "tools/mount_place.h"

namespace granary {

namespace {
struct Options {
  std::vector<std::string> paths;
  std::string cache;
  bool list = false, json = false;
};

uint64_t disk_bytes_of(const Pin& pin) {
  uint64_t sum = 0;
  for (const PinnedObject& object : pin.objects) sum += blocks_for(object.size_bytes);
  return sum;
}

OrderedJson json_of(const Pin& pin) {
  return {{"path", "/" + printable(pin.path)}, {"repository", printable(pin.repository)},
          {"snapshot", pin.snapshot.hex()},    {"pinned_at", format_utc(pin.time)},
          {"objects", pin.objects.size()},     {"bytes", disk_bytes_of(pin)}};
}

Status list(const Options& options, Io& io) {
  std::string cache = options.cache;
  if (cache.empty()) {
    if (options.paths.size() != 1) return Error{Code::kInvalid, "pin --list needs a mount point, or --cache DIR"};
    cache = TRY(identify_mount(TRY(find_mount(options.paths.front())))).cache_directory;
  }
  const PinBook::Contents contents = TRY(PinBook(cache).read());
  if (options.json) {
    OrderedJson pins = OrderedJson::array();
    for (const Pin& pin : contents.pins) pins.push_back(json_of(pin));
    print_json(io, {{"cache", printable(cache)}, {"pins", pins}, {"damaged", contents.damaged}});
    return Done{};
  }
  for (const Pin& pin : contents.pins) {
    io.out << "/" << printable(pin.path) << "  snapshot " << pin.snapshot.brief() << ", " << format_utc(pin.time)
           << ", " << human_count(pin.objects.size()) << " objects, " << human_bytes(disk_bytes_of(pin)) << "\n";
  }
  for (const std::string& file : contents.damaged)
    io.err << "granary: damaged, and protects nothing: " << printable(file) << "; remove it and pin again\n";
  return Done{};
}

Status pin(const Options& options, Io& io) {
  const Interrupted interruptible;
  OrderedJson all = OrderedJson::array();
  for (const std::string& path : options.paths) {
    const MountPlace place = TRY(find_mount_place(path));
    const std::string number = TRY(ask_mount(place.mount, "pin " + to_hex(place.path)));
    WatchedJob job;
    job.what = printable(path);
    job.progress = [&] { return ask_mount(place.mount, "job " + number); };
    job.stop = [&] { static_cast<void>(ask_mount(place.mount, "stop " + number)); };
    const OrderedJson progress = TRY(watch_job(job, io));
    TRY_WITHIN("cannot pin " + job.what, outcome_of(progress, io));
    if (!options.json) io.out << "pinned " << job.what << ": " << sizes_of(progress) << "\n";
    all.push_back({{"path", job.what}, {"objects", progress["objects"]["done"]}, {"bytes", progress["bytes"]["done"]}});
  }
  if (options.json) print_json(io, {{"pinned", all}});
  return Done{};
}

Status run(const Options& options, Io& io) {
  if (options.list) return list(options, io);
  if (options.paths.empty()) return Error{Code::kInvalid, "pin what? A path in a live mount, or --list"};
  return pin(options, io);
}

Action define(CLI::App& app) {
  const auto options = std::make_shared<Options>();
  app.add_option("PATH", options->paths, "files or directories in a live mount; with --list, the mount point");
  auto* listing = app.add_flag("--list", options->list, "show what is pinned");
  app.add_option("--cache", options->cache, "with --list: the cache directory, without a mount")->needs(listing);
  app.add_flag("--json", options->json, "print the result as a JSON object");
  return [options](Io& io) { return run(*options, io); };
}
}  // namespace

const Command kPinCommand{
    "pin", "fetch paths of a mount, and keep them in the cache for good",
    "Fetches everything below each path, with the parts of the catalog that reading it takes, then records it in the\n"
    "cache directory: no mount that shares the cache evicts it, over restarts, until `granary unpin`. A pin is of the\n"
    "mounted snapshot; the next one needs its own. All pins together may take 80 % of the quota.",
    "granary pin /sw/usr/bin /sw/usr/lib\ngranary pin --list /sw\ngranary pin --list --cache /var/cache/granary/UUID "
    "--json\n",
    define};

}  // namespace granary
