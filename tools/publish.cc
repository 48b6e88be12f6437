// `publish`: a directory or tar becomes the newest snapshot of a branch.
#include "server/publisher.h"

#include "tools/command.h"
#include "tools/commands.h"
#include "tools/format.h"
#include "tools/progress.h"
#include "tools/published.h"
#include "tools/trace_file.h"

namespace granary {

namespace {
struct Options {
  std::string repository;
  PublishOptions publish;
  std::string compression = "zstd";
  std::optional<int> level;
  std::string trace;
  bool json = false;
};

void print(const Published& published, bool json, Io& io) {
  if (json) {
    print_json(io, published_json(published));
    return;
  }
  if (!published.changed) {
    io.out << "nothing changed: branch " << published.branch << " is snapshot " << published.snapshot.brief()
           << " already\n";
    print_carried(published.profiles, io);
    return;
  }
  io.out << "published snapshot " << published.snapshot.brief() << " on branch " << published.branch << ", revision "
         << published.revision << "\n"
         << "  tree digest  " << published.tree << "\n"
         << "  tree         " << human_count(published.entries) << " entries, " << human_bytes(published.bytes) << "\n"
         << "  changes      " << human_count(published.changes) << " paths; " << human_count(published.files_read)
         << " files read, " << human_count(published.files_recognised) << " recognised as unchanged\n"
         << "  stored       " << human_count(published.new_objects) << " new objects, "
         << human_bytes(published.new_bytes) << "\n";
  print_carried(published.profiles, io);
  if (published.merged) io.out << "  merged with what another publisher committed meanwhile\n";
}

Status run(const Options& options, Io& io) {
  PublishOptions publish_options = options.publish;
  publish_options.encoding.codec = TRY(parse_codec(options.compression));
  publish_options.encoding.level = options.level.value_or(publish_options.encoding.codec == Codec::kZlib ? 6 : 3);
  const std::string context =
      "cannot publish " + (publish_options.source == "-" ? "standard input" : printable(publish_options.source));
  if (!options.trace.empty()) publish_options.trace = TRY_WITHIN(context, load_trace(options.trace));
  const auto repository = TRY_WITHIN(context, Repository::open(options.repository));
  Progress progress(io);
  const auto show = [&](const PublishProgress& at) {
    progress.show(str(at.step, ": ", human_count(at.entries), " entries, ", human_bytes(at.bytes)));
  };
  const Published published = TRY_WITHIN(context, publish(*repository, publish_options, show));
  progress.clear();
  print(published, options.json, io);
  return Done{};
}

Action define(CLI::App& app) {
  const auto options = std::make_shared<Options>();
  PublishOptions& how = options->publish;
  app.add_option("DIR", options->repository, "the repository")->required();
  app.add_option("SOURCE", how.source, "a directory, a tar (plain, gz, xz, zst, bz2), or - for a tar on standard input")
      ->required();
  app.add_option("-b,--branch", how.branch, "the branch; made if it is not there")->default_val("main");
  app.add_option("-t,--tag", how.tag, "also name the snapshot so, for ever");
  app.add_option("-m,--message", how.message, "what is new, for `granary log`");
  app.add_option("--path", how.subpath, "replace this subtree of the branch, and nothing else");
  app.add_option("-j,--jobs", how.jobs, "threads that read, hash and compress (default: one a core)")
      ->check(CLI::Range(1, 256));
  app.add_option("--profile", how.profile,
                 "pack together what this profile of the branch touches; with --trace: attach the trace so named");
  app.add_option("--trace", options->trace, "pack together what this recorded trace touches, in order of first touch");
  app.add_flag("--checksum", how.checksum, "read every file: do not trust sizes and times to recognise unchanged ones");
  app.add_option("--compression", options->compression, "zstd, zlib or none")->default_val("zstd");
  app.add_option("--level", options->level, "compression level: zstd 1 to 19 (default 3), zlib 1 to 9 (default 6)");
  app.add_flag("--json", options->json, "print the result as a JSON object");
  return [options](Io& io) { return run(*options, io); };
}
}  // namespace

const Command kPublishCommand{"publish", "publish a directory or tar as a snapshot",
                              "The branch becomes SOURCE, exactly: owners, modes, times, links, devices, xattrs. What "
                              "did not change is recognised and not stored "
                              "again; what cannot be represented is refused by name. If another publisher was faster, "
                              "both changes are kept when they touch different paths; "
                              "else this one is refused, with the paths, and nothing is lost.",
                              "granary publish /srv/sw /path/to/tree --message \"python 3.12\"\n"
                              "granary publish /srv/sw image.tar.zst --tag v2\n"
                              "tar -C /tree -c . | granary publish /srv/sw -\n"
                              "granary publish /srv/sw ./python --path opt/python\n"
                              "granary publish /srv/sw /path/to/tree --profile boot  # pack by the branch's profile\n"
                              "granary publish /srv/sw /path/to/tree --trace boot.trace --profile boot",
                              define};

}  // namespace granary
