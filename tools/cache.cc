// `cache`: looks after the caches of mounts: checks, lists, makes room. Safe beside running mounts.
#include <dirent.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "fs/base/file.h"
#include "fs/base/time.h"
#include "fs/client/connection.h"
#include "fs/store/eviction.h"
#include "fs/store/eviction_lock.h"
#include "fs/store/scrub.h"
#include "tools/commands.h"
#include "tools/format.h"
#include "tools/job_watch.h"
#include "tools/mount_place.h"
#include "tools/progress.h"
#include "tools/subcommand.h"

namespace granary {

namespace {
constexpr std::chrono::seconds kLockPatience{20};

struct Options {
  std::vector<std::string> places;
  bool json = false;
};

using Folder = std::unique_ptr<CacheFolder>;

// A cache's directory, or a mount point, whose cache it is then.
Result<Folder> folder_at(const std::string& place) {
  const auto mount = find_mount_or_name(place);
  return CacheFolder::open_existing(mount ? TRY(identify_mount(*mount)).cache_directory : place);
}

// Nobody named one: all in their usual place.
Result<std::vector<Folder>> usual_folders() {
  std::vector<Folder> folders;
  const std::string above = default_cache_directory();
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(above, ignored)) {
    auto folder = CacheFolder::open_existing(entry.path().string());
    if (folder) folders.push_back(*std::move(folder));
  }
  if (!folders.empty()) return folders;
  return Error{Code::kNotFound, "there is no cache in " + printable(above) + "; name a mount point or a directory"};
}

Result<std::vector<Folder>> folders_of(const std::vector<std::string>& places) {
  if (places.empty()) return usual_folders();
  std::vector<Folder> folders;
  for (const std::string& place : places) folders.push_back(TRY(folder_at(place)));
  return folders;
}

Action define_with(CLI::App& app, const char* what, Status (*run)(const Options&, Io&)) {
  const auto options = std::make_shared<Options>();
  app.add_option("PLACE", options->places, str(what, " (default: all in the usual place)"));
  app.add_flag("--json", options->json, "print the result as a JSON object");
  return [options, run](Io& io) { return run(*options, io); };
}
constexpr const char* kPlaces = "mount points, or directories of caches";

// ---- verify

struct VerifyOptions : Options {
  std::string from;
};

// Whatever else reads or writes goes first.
void step_back() {
  constexpr int kThisProcess = 1, kIdle = 3 << 13;
  ::syscall(SYS_ioprio_set, kThisProcess, 0, kIdle);
  ::setpriority(PRIO_PROCESS, 0, 19);
}

std::string folder_name(int folder) {
  const auto byte = static_cast<char>(folder);
  return to_hex({&byte, 1});
}

OrderedJson json_of(const std::string& cache, const ScrubReport& report) {
  OrderedJson named = OrderedJson::array();
  for (const ObjectId& id : report.named) named.push_back(id.hex());
  return {{"cache", printable(cache)},
          {"objects", report.objects},
          {"bytes", report.bytes},
          {"damaged", report.damaged},
          {"unreadable", report.unreadable},
          {"removed", report.removed},
          {"leftovers", report.leftovers},
          {"complete", report.next_folder == 256},
          {"stopped_at", report.next_folder == 256 ? OrderedJson() : OrderedJson(folder_name(report.next_folder))},
          {"named", named}};
}

void print(Io& io, const std::string& cache, const ScrubReport& report) {
  for (const ObjectId& id : report.named) io.out << "damaged " << id << "\n";
  io.out << (report.next_folder == 256 ? "verified " : "stopped ") << printable(cache) << ": "
         << human_count(report.objects) << " objects, " << human_bytes(report.bytes) << "; " << report.damaged
         << " damaged, " << report.unreadable << " unreadable, " << report.removed << " removed\n";
  if (report.next_folder < 256)
    io.err << "granary: go on with: granary cache verify --from " << folder_name(report.next_folder) << " " << cache
           << "\n";
}

Status verify(const VerifyOptions& options, Io& io) {
  const auto folders = TRY(folders_of(options.places));
  int first = 0;
  if (!options.from.empty()) {
    const auto byte = from_hex(options.from);
    if (folders.size() != 1 || !byte || byte->size() != 1)
      return Error{Code::kInvalid, "--from needs two hexadecimal digits, and one cache"};
    first = static_cast<uint8_t>(byte->front());
  }
  step_back();
  const Interrupted interruptible;
  OrderedJson all = OrderedJson::array();
  uint64_t remaining = 0;  // found damaged, and still there
  for (const Folder& folder : folders) {
    Progress progress(io);
    const auto report = TRY_WITHIN(
        "cannot verify " + printable(folder->path()), scrub(*folder, first, [&](const ScrubReport& now) {
          progress.show(str(folder->path(), ": ", now.next_folder * 100 / 256, " %, ", human_count(now.objects),
                            " objects, ", human_bytes(now.bytes), ", ", now.damaged + now.unreadable, " damaged"));
          return !Interrupted::now();
        }));
    progress.clear();
    if (options.json) {
      all.push_back(json_of(folder->path(), report));
    } else {
      print(io, folder->path(), report);
    }
    remaining += report.damaged + report.unreadable - report.removed;
    if (Interrupted::now()) break;
  }
  if (options.json) print_json(io, {{"caches", all}});
  if (Interrupted::now()) return Error{Code::kUnavailable, "stopped"};
  if (remaining == 0) return Done{};
  return Error{Code::kCorrupt, str(remaining, " damaged objects could not be removed: is the disk read-only?")};
}

Action define_verify(CLI::App& app) {
  const auto options = std::make_shared<VerifyOptions>();
  app.add_option("PLACE", options->places, str(kPlaces, " (default: all in the usual place)"));
  app.add_option("--from", options->from, "go on where another run was stopped: two hexadecimal digits");
  app.add_flag("--json", options->json, "print the result as a JSON object");
  return [options](Io& io) { return verify(*options, io); };
}

// ---- list, stat

PinnedSet pins_of(const CacheFolder& folder) {
  PinnedSet pins(folder.path());
  pins.refresh();
  return pins;
}

UnixSeconds used_at(const CacheFolder::Resident& resident) { return resident.used_ns / 1'000'000'000; }

Result<std::vector<CacheFolder::Resident>> by_use(CacheFolder& folder) {
  CacheFolder::Scan scan;  // without counting anew: works on a read-only disk
  for (int i = 0; i < 256; ++i) {
    CacheFolder::Scan part = TRY(folder.list(i));
    scan.objects.insert(scan.objects.end(), part.objects.begin(), part.objects.end());
  }
  std::sort(scan.objects.begin(), scan.objects.end(),
            [](const auto& a, const auto& b) { return a.used_ns < b.used_ns; });
  return std::move(scan.objects);
}

Status list(const Options& options, Io& io) {
  OrderedJson all = OrderedJson::array();
  for (const Folder& folder : TRY(folders_of(options.places))) {
    const PinnedSet pins = pins_of(*folder);
    OrderedJson objects = OrderedJson::array();
    for (const CacheFolder::Resident& each : TRY(by_use(*folder))) {
      const bool is_pinned = pins.contains(each.id);
      if (options.json) {
        objects.push_back({{"object", each.id.hex()},
                           {"bytes", each.size_bytes},
                           {"used_at", format_utc(used_at(each))},
                           {"pinned", is_pinned}});
      } else {
        io.out << each.id << "  " << format_utc(used_at(each)) << "  " << each.size_bytes
               << (is_pinned ? "  pinned" : "") << "\n";
      }
    }
    if (options.json) all.push_back({{"cache", printable(folder->path())}, {"objects", objects}});
  }
  if (options.json) print_json(io, {{"caches", all}});
  return Done{};
}

Status show(const Options& options, Io& io) {
  OrderedJson all = OrderedJson::array();
  for (const Folder& folder : TRY(folders_of(options.places))) {
    const PinnedSet pins = pins_of(*folder);
    const auto objects = TRY(by_use(*folder));
    uint64_t bytes = 0;
    for (const auto& each : objects) bytes += each.size_bytes;
    const uint64_t used = TRY(folder->usage().read()).used_bytes;
    const std::string oldest = objects.empty() ? "" : format_utc(used_at(objects.front()));
    all.push_back({{"cache", printable(folder->path())},
                   {"used", used},
                   {"objects", objects.size()},
                   {"object_bytes", bytes},
                   {"pins", pins.pins()},
                   {"pinned", pins.bytes()},
                   {"damaged_pins", pins.damaged().size()},
                   {"oldest_use", oldest.empty() ? OrderedJson() : OrderedJson(oldest)}});
    if (options.json) continue;
    io.out << printable(folder->path()) << ": " << human_bytes(used) << " in " << human_count(objects.size())
           << " objects";
    if (!oldest.empty()) io.out << ", the oldest used at " << oldest;
    if (pins.pins() > 0) io.out << "; " << human_bytes(pins.bytes()) << " by " << pins.pins() << " pins";
    io.out << "\n";
  }
  if (options.json) print_json(io, {{"caches", all}});
  return Done{};
}

// ---- clean, evict, wipe

struct CleanOptions : Options {
  std::string to;
};

Status clean(const CleanOptions& options, Io& io) {
  const uint64_t goal = TRY_WITHIN("bad size", parse_size(options.to));
  OrderedJson all = OrderedJson::array();
  bool is_reached = true;
  for (const Folder& folder : TRY(folders_of(options.places))) {
    PinnedSet pins(folder->path());
    const Evicted evicted =
        TRY_WITHIN("cannot clean " + printable(folder->path()), evict_down_to(*folder, pins, goal, kLockPatience));
    is_reached = is_reached && evicted.used_bytes <= goal;
    all.push_back({{"cache", printable(folder->path())},
                   {"evicted", evicted.objects},
                   {"evicted_bytes", evicted.bytes},
                   {"used", evicted.used_bytes}});
    if (!options.json)
      io.out << "cleaned " << printable(folder->path()) << ": " << human_count(evicted.objects) << " objects, "
             << human_bytes(evicted.bytes) << "; " << human_bytes(evicted.used_bytes) << " used\n";
  }
  if (options.json) print_json(io, {{"caches", all}});
  if (is_reached) return Done{};
  return Error{Code::kNoSpace, "what is left is pinned, or is the directories themselves: see granary pin --list"};
}

Action define_clean(CLI::App& app) {
  const auto options = std::make_shared<CleanOptions>();
  app.add_option("PLACE", options->places, str(kPlaces, " (default: all in the usual place)"));
  app.add_option("--to", options->to, "until at most so many bytes are used, such as 2G")->required();
  app.add_flag("--json", options->json, "print the result as a JSON object");
  return [options](Io& io) { return clean(*options, io); };
}

struct EvictOptions : Options {
  std::vector<std::string> what;
  std::string cache;
};

// The objects of a file in a mount, as the mount itself names them.
Result<std::vector<ObjectId>> objects_of(const std::string& path) {
  constexpr size_t kMostListed = 1000;
  constexpr const char* kName = "user.granary.objects";
  Bytes text(size_t{64} << 10, '\0');
  const ssize_t length = ::getxattr(path.c_str(), kName, text.data(), text.size());
  if (length < 0) return system_error(errno, "cannot tell the objects of " + printable(path));
  text.resize(static_cast<size_t>(length));
  std::vector<ObjectId> out;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) out.push_back(TRY(Digest::parse(line)));
  if (out.size() < kMostListed) return out;
  return Error{Code::kUnsupported, printable(path) + " has more objects than a mount lists: use granary cache clean"};
}

struct Target {
  Folder folder;
  std::vector<ObjectId> objects;
};

Result<Target> target_of(const std::string& what, const std::string& cache) {
  if (const auto id = Digest::parse(what)) {
    if (cache.empty()) return Error{Code::kInvalid, "an object needs --cache PLACE: a mount point or a directory"};
    return Target{TRY(folder_at(cache)), {*id}};
  }
  const MountPlace place = TRY(find_mount_place(what));
  auto folder = TRY(CacheFolder::open_existing(TRY(identify_mount(place.mount)).cache_directory));
  std::vector<ObjectId> objects;
  const auto add = [&](const std::string& file) -> Status {
    for (const ObjectId& id : TRY(objects_of(file))) objects.push_back(id);
    return Done{};
  };
  std::error_code failure;
  if (!std::filesystem::is_directory(what, failure)) {
    TRY(add(what));
    return Target{std::move(folder), std::move(objects)};
  }
  for (const auto& entry : std::filesystem::recursive_directory_iterator(what, failure)) {
    if (entry.symlink_status().type() == std::filesystem::file_type::regular) TRY(add(entry.path().string()));
  }
  if (failure) return system_error(failure.value(), "cannot walk " + printable(what));
  return Target{std::move(folder), std::move(objects)};
}

Status evict(const EvictOptions& options, Io& io) {
  uint64_t removed = 0, bytes = 0, pinned = 0;
  for (const std::string& what : options.what) {
    const Target target = TRY(target_of(what, options.cache));
    const FileLock lock = TRY(wait_for_eviction_lock(target.folder->lock_path(), kLockPatience));
    const PinnedSet pins = pins_of(*target.folder);
    for (const ObjectId& id : target.objects) {
      if (pins.contains(id)) {
        ++pinned;
        continue;
      }
      const auto charge = target.folder->remove(id);
      if (!charge && charge.error().code == Code::kNotFound) continue;
      if (!charge) return charge.error();
      ++removed;
      bytes += *charge;
    }
    static_cast<void>(target.folder->usage().count_removal());
  }
  if (options.json) {
    print_json(io, {{"evicted", removed}, {"evicted_bytes", bytes}, {"pinned", pinned}});
  } else {
    io.out << "evicted " << human_count(removed) << " objects, " << human_bytes(bytes) << "\n";
  }
  if (pinned == 0) return Done{};
  return Error{Code::kBusy, str(pinned, " objects are pinned, and stay: see granary pin --list")};
}

Action define_evict(CLI::App& app) {
  const auto options = std::make_shared<EvictOptions>();
  app.add_option("WHAT", options->what, "paths in a live mount, or objects by their digests")->required();
  app.add_option("--cache", options->cache, "for objects: whose cache; a mount point or a directory");
  app.add_flag("--json", options->json, "print the result as a JSON object");
  return [options](Io& io) { return evict(*options, io); };
}

struct WipeOptions : Options {
  bool force = false;
};

// Empty when none is known that uses it; those of other users do not answer.
std::string mount_using(const CacheFolder& folder) {
  const auto table = read_mount_table();
  if (!table) return "";
  for (const MountPoint& mount : *table) {
    if (!mount.is_granary()) continue;
    const auto identity = identify_mount(mount);
    if (identity && identity->cache_directory == folder.path()) return mount.path;
  }
  return "";
}

Status wipe(const WipeOptions& options, Io& io) {
  for (const Folder& folder : TRY(folders_of(options.places))) {
    const std::string mount = mount_using(*folder);
    if (!mount.empty() && !options.force)
      return Error{Code::kBusy, str(printable(folder->path()), " is used by the mount at ", printable(mount),
                                    ": unmount it, or say --force (it fetches again what it needs)")};
    const FileLock lock = TRY(wait_for_eviction_lock(folder->lock_path(), kLockPatience));
    TRY(remove_tree(folder->path() + "/pins"));
    uint64_t removed = 0;
    for (const CacheFolder::Resident& each : TRY(folder->scan()).objects) removed += folder->remove(each.id) ? 1 : 0;
    static_cast<void>(folder->usage().count_removal());
    TRY(folder->scan());
    if (!options.json) io.out << "wiped " << printable(folder->path()) << ": " << human_count(removed) << " objects\n";
  }
  if (options.json) print_json(io, {{"wiped", true}});
  return Done{};
}

Action define_wipe(CLI::App& app) {
  const auto options = std::make_shared<WipeOptions>();
  app.add_option("PLACE", options->places, kPlaces)->required();
  app.add_flag("--force", options->force, "even while mounts use it");
  app.add_flag("--json", options->json, "print the result as a JSON object");
  return [options](Io& io) { return wipe(*options, io); };
}

Action define(CLI::App& app) {
  static constexpr Subcommand kSubcommands[]{
      {"verify", "read every object again, remove what is damaged", define_verify},
      {"list", "show every object, the longest unused first",
       [](CLI::App& a) { return define_with(a, kPlaces, list); }},
      {"stat", "show what a cache holds", [](CLI::App& a) { return define_with(a, kPlaces, show); }},
      {"clean", "remove what was not used for longest, never what is pinned", define_clean},
      {"evict", "remove the objects of paths, or objects", define_evict},
      {"wipe", "remove everything, pins too", define_wipe},
  };
  return define_subcommands(app, kSubcommands);
}
}  // namespace

const Command kCacheCommand{
    "cache", "look after the caches of mounts",
    "A cache is a directory that all mounts of a repository on a host share. These commands work on it directly, with\n"
    "mounts running or not, as its owner or as root. `verify` reads every object at the lowest priority and removes\n"
    "what is damaged: it is fetched anew at its next use, and mounts that had it open let go of it within seconds.\n"
    "Ctrl-C stops it, and it says how to go on. Objects are packs that several small files share: evicting one file\n"
    "evicts its neighbours.",
    "granary cache stat\n"
    "granary cache verify /sw  # of this mount; without a name all in /var/cache/granary, or ~/.cache/granary\n"
    "granary cache clean --to 2G /var/cache/granary/UUID\n"
    "granary cache evict /sw/usr/lib/libc.so.6\n"
    "granary cache wipe /var/cache/granary/UUID\n",
    define};

}  // namespace granary
