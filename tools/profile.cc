// `profile`: what a workload touches, in order of first touch: attached to snapshots, so that a mount fetches it ahead.
// Recording it is profile_record.cc's affair.
#include "server/profiles.h"
#include "tools/command.h"
#include "tools/commands.h"
#include "tools/format.h"
#include "tools/profile_record.h"
#include "tools/reading.h"
#include "tools/subcommand.h"
#include "tools/trace_file.h"

namespace granary {

namespace {
// ---- attach

struct AttachOptions {
  std::string repository;
  std::string snapshot;
  std::string file;
  std::string name;
  bool json = false;
};

Status run_attach(const AttachOptions& options, Io& io) {
  const std::string context = str("cannot attach ", printable(options.file), " to ", printable(options.repository));
  const Trace trace = TRY_WITHIN(context, load_trace(options.file));
  const auto repository = TRY_WITHIN(context, Repository::open(options.repository));
  const auto reading =
      TRY_WITHIN(context, Reading::open({options.repository, {}, true, false}, TRY(selector_of(options.snapshot)), io));
  const ResolvedSnapshot snapshot = TRY_WITHIN(context, reading->resolve(options.snapshot));
  const AttachedProfile attached = TRY_WITHIN(context, attach_profile(*repository, snapshot.id, options.name, trace));
  if (options.json) {
    print_json(io, {{"profile", options.name},
                    {"snapshot", snapshot.id.hex()},
                    {"base", attached.note.base.hex()},
                    {"revision", attached.revision},
                    {"touches", attached.touches},
                    {"kept", attached.kept},
                    {"moved", attached.moved},
                    {"objects", attached.note.objects},
                    {"bytes", attached.note.bytes},
                    {"replaced", attached.replaced}});
    return Done{};
  }
  io.out << "attached profile " << options.name << " to snapshot " << snapshot.id.brief() << ", revision "
         << attached.revision << (attached.replaced ? ", in the place of an older one" : "") << "\n"
         << "  fetches ahead  " << human_count(attached.note.objects) << " objects, "
         << human_bytes(attached.note.bytes) << "\n"
         << "  touched        " << human_count(attached.touches) << " files and directories, "
         << human_count(attached.kept) << " of them still as they were\n";
  return Done{};
}

Action define_attach(CLI::App& app) {
  const auto options = std::make_shared<AttachOptions>();
  app.add_option("DIR", options->repository, "the repository")->required();
  app.add_option("SNAPSHOT", options->snapshot, "a branch, tag, snapshot id, main@DATE or main~N")->required();
  app.add_option("FILE", options->file, "the trace that was recorded")->required();
  app.add_option("-n,--name", options->name, "what mounts ask for, such as boot")->required();
  app.add_flag("--json", options->json, "print a JSON object");
  return [options](Io& io) { return run_attach(*options, io); };
}

// ---- detach

struct DetachOptions {
  std::string repository;
  std::string snapshot;
  std::string name;
  bool json = false;
};

Status run_detach(const DetachOptions& options, Io& io) {
  const std::string context = str("cannot detach profile ", printable(options.name));
  const auto repository = TRY_WITHIN(context, Repository::open(options.repository));
  const auto reading =
      TRY_WITHIN(context, Reading::open({options.repository, {}, true, true}, TRY(selector_of(options.snapshot)), io));
  const ResolvedSnapshot snapshot = TRY_WITHIN(context, reading->resolve(options.snapshot));
  const RepositoryState state = TRY_WITHIN(context, detach_profile(*repository, snapshot.id, options.name));
  if (options.json) {
    print_json(io, {{"profile", options.name}, {"snapshot", snapshot.id.hex()}, {"revision", state.record.revision}});
  } else {
    io.out << "snapshot " << snapshot.id.brief() << " has no profile " << options.name << " any more, revision "
           << state.record.revision << "\n";
  }
  return Done{};
}

Action define_detach(CLI::App& app) {
  const auto options = std::make_shared<DetachOptions>();
  app.add_option("DIR", options->repository, "the repository")->required();
  app.add_option("SNAPSHOT", options->snapshot, "a branch, tag, snapshot id, main@DATE or main~N")->required();
  app.add_option("NAME", options->name, "the profile's name")->required();
  app.add_flag("--json", options->json, "print a JSON object");
  return [options](Io& io) { return run_detach(*options, io); };
}

// ---- list

struct ListOptions {
  ReadingOptions reading;
  std::string snapshot;  // empty: all that have any
  bool json = false;
};

OrderedJson note_json(const VerifiedProfile& profile) {
  const ProfileNote& note = profile.note;
  OrderedJson json{
      {"profile", note.name},          {"snapshot", note.snapshot.hex()}, {"base", note.base.hex()},
      {"time", format_utc(note.time)}, {"objects", note.objects},         {"bytes", note.bytes},
      {"plan", note.plan.hex()},       {"trace", note.trace.hex()},       {"signers", OrderedJson::array()}};
  for (const KeyId& key : profile.signers) json["signers"].push_back(key.hex());
  return json;
}

void show_profiles(const Profiles& profiles, bool json, Io& io) {
  for (const auto& [name, profile] : profiles.by_name) {
    if (json) {
      print_json(io, note_json(profile));
      continue;
    }
    const ProfileNote& note = profile.note;
    io.out << note.snapshot.brief() << "  " << name << "  " << format_utc(note.time) << "  "
           << human_count(note.objects) << " objects, " << human_bytes(note.bytes)
           << (note.base == note.snapshot ? "" : "  recorded on " + note.base.brief()) << "\n";
  }
  for (const Error& refused : profiles.refused) io.err << "granary: left out: " << refused.message << "\n";
}

Status run_list(const ListOptions& options, Io& io) {
  const auto reading =
      TRY(Reading::open(options.reading, TRY(selector_of(options.snapshot.empty() ? "main" : options.snapshot)), io));
  const Names names = TRY(reading->view().names());
  const Root& root = reading->view().head().root();
  if (!options.snapshot.empty()) {
    show_profiles(profiles_of(root, names, TRY(reading->resolve(options.snapshot)).id), options.json, io);
    return Done{};
  }
  for (const auto& [id, notes] : names.notes) show_profiles(profiles_of(root, names, id), options.json, io);
  return Done{};
}

Action define_list(CLI::App& app) {
  const auto options = std::make_shared<ListOptions>();
  add_reading_options(app, options->reading);
  app.add_option("SNAPSHOT", options->snapshot, "only those of this one");
  app.add_flag("--json", options->json, "one JSON object a line");
  return [options](Io& io) { return run_list(*options, io); };
}

// ---- show

struct ShowOptions {
  ReadingOptions reading;  // `where` is the file when there is nothing else
  std::string snapshot;
  std::string name;
  bool json = false;
};

Status show_trace(const Trace& trace, const ShowOptions& options, Io& io) {
  if (options.json) {
    io.out << trace.serialise() << "\n";
    return Done{};
  }
  uint64_t files = 0, bytes = 0;
  for (const Touch& touch : trace.touches) {
    if (touch.kind == Touch::Kind::kFile) ++files;
    for (const ByteRange& range : touch.ranges) bytes += range.length_bytes;
  }
  io.out << "recorded on snapshot " << trace.snapshot << "\n  of repository " << trace.repository << ", "
         << format_utc(trace.time) << "\n  " << human_count(trace.touches.size() - files) << " directories, "
         << human_count(files) << " files, " << human_bytes(bytes) << " read\nin order of first touch:\n";
  for (const Touch& touch : trace.touches)
    io.out << "  /" << printable(touch.path)
           << (touch.kind == Touch::Kind::kDirectory && !touch.path.empty() ? "/" : "") << "\n";
  return Done{};
}

Status show_attached(const ShowOptions& options, Io& io) {
  const auto reading = TRY(Reading::open(options.reading, TRY(selector_of(options.snapshot)), io));
  const ResolvedSnapshot snapshot = TRY(reading->resolve(options.snapshot));
  const VerifiedProfile profile =
      TRY(find_profile(reading->view().head(), TRY(reading->view().names()), snapshot.id, options.name));
  const ProfileNote& note = profile.note;
  const Plan plan =
      TRY_WITHIN("the plan of profile " + note.name, decode_plan(*TRY(reading->objects().read(note.plan))));
  if (options.json) {
    OrderedJson json = note_json(profile);
    json["fetches"] = OrderedJson::array();
    for (const PlannedObject& object : plan.objects)
      json["fetches"].push_back({{"object", object.id.hex()}, {"bytes", object.size_bytes}});
    print_json(io, json);
    return Done{};
  }
  io.out << "profile " << note.name << " of snapshot " << note.snapshot << "\n  attached " << format_utc(note.time)
         << ", signed by";
  for (const KeyId& key : profile.signers) io.out << " " << key.brief();
  io.out << "\n  fetches ahead " << human_count(plan.objects.size()) << " objects, " << human_bytes(plan.total_bytes())
         << "\n";
  return show_trace(TRY(trace_of(note, reading->objects())), options, io);
}

Status run_show(const ShowOptions& options, Io& io) {
  if (options.snapshot.empty()) return show_trace(TRY(load_trace(options.reading.where)), options, io);
  if (options.name.empty())
    return Error{Code::kInvalid,
                 "name the profile, too: granary profile show WHERE SNAPSHOT NAME; `granary profile list` lists them"};
  return show_attached(options, io);
}

Action define_show(CLI::App& app) {
  const auto options = std::make_shared<ShowOptions>();
  add_reading_options(app, options->reading);
  app.get_option("WHERE")->description("a trace; or, with SNAPSHOT and NAME, a repository: a directory or a URL");
  app.add_option("SNAPSHOT", options->snapshot, "a branch, tag, snapshot id, main@DATE or main~N");
  app.add_option("NAME", options->name, "the profile's name");
  app.add_flag("--json", options->json, "print JSON");
  return [options](Io& io) { return run_show(*options, io); };
}

// ----

// One a line, so that two landings do not meet.
// clang-format off
constexpr Subcommand kSubcommands[] = {
    {"record", "record what a command touches below a mount", define_profile_record},
    {"start", "start to record what is touched below a mount", define_profile_start},
    {"stop", "end a recording, and write the trace", define_profile_stop},
    {"attach", "attach a recorded trace to a snapshot", define_attach},
    {"list", "list attached profiles", define_list},
    {"show", "show a trace, or an attached profile", define_show},
    {"detach", "take a profile off a snapshot", define_detach},
};
// clang-format on

Action define(CLI::App& app) { return define_subcommands(app, kSubcommands); }
}  // namespace

const Command kProfileCommand{
    "profile", "fetch ahead what a workload is known to touch",
    "A trace says what a workload touched of a snapshot, in order of first touch: `record` takes it of one command, "
    "`start` and `stop` of whatever goes on below a live mount. Only the mount's owner and root may, because it "
    "reveals what was read. What the kernel holds already is not seen: as root, `record` drops its clean caches first "
    "(--keep-caches: not), everybody else sees most on a fresh mount. Attached under a name it becomes a "
    "profile: signed, kept beside the snapshot and no part of it, found by `mount --profile NAME`, and carried over to "
    "the snapshots that are published on top, as far as contents are unchanged. Attaching one of the same name "
    "replaces it.",
    "granary profile record --mount /mnt --output boot.trace -- chroot /mnt /usr/bin/python3 -c 'import numpy'\n"
    "granary profile attach /srv/sw main boot.trace --name boot\n"
    "granary mount https://sw.example.org /mnt --trust sw.trust --profile boot\n"
    "granary profile list /srv/sw\n"
    "granary profile show boot.trace\n"
    "granary profile show /srv/sw main boot\n"
    "granary profile detach /srv/sw main boot",
    define};

}  // namespace granary
