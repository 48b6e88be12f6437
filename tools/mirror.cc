// `mirror`: copies a repository, verified, and brings the copy up to date.
#include "server/mirror.h"
#include "fs/client/repository_view.h"
#include "fs/net/chosen_transport.h"
#include "tools/command.h"
#include "tools/commands.h"
#include "tools/format.h"
#include "tools/progress.h"
#include "tools/source_options.h"

namespace granary {

namespace {
struct Options {
  MirrorOptions mirror;
  std::string source;
  std::string trust;
  SourceOptions sources;
  std::vector<std::string> branches, tags;
  bool json = false;
};

void print(const Mirrored& mirrored, const Options& options, Io& io) {
  if (options.json) {
    OrderedJson json{{"repository", mirrored.repository},   {"name", mirrored.name},
                     {"revision", mirrored.revision},       {"previous_revision", mirrored.previous_revision},
                     {"snapshots", mirrored.snapshots},     {"new_snapshots", mirrored.new_snapshots},
                     {"copied_objects", mirrored.copied},   {"copied_bytes", mirrored.copied_bytes},
                     {"present_objects", mirrored.present}, {"records", mirrored.records}};
    if (mirrored.stale_since) json["stale_since"] = format_utc(*mirrored.stale_since);
    print_json(io, json);
    return;
  }
  io.out << "mirrored " << mirrored.name << " to revision " << mirrored.revision;
  if (mirrored.previous_revision != 0) io.out << " (was " << mirrored.previous_revision << ")";
  io.out << "\n  snapshots  " << human_count(mirrored.snapshots) << ", " << human_count(mirrored.new_snapshots)
         << " of them new\n  objects    " << human_count(mirrored.copied) << " copied, "
         << human_bytes(mirrored.copied_bytes) << "; " << human_count(mirrored.present) << " were here\n";
  if (mirrored.stale_since)
    io.out << "  stale      the source's timestamp expired at " << format_utc(*mirrored.stale_since)
           << ": its publisher has to renew it\n";
}

Status run(const Options& options, Io& io) {
  MirrorOptions how = options.mirror;
  how.source = TRY(repository_url(options.source));
  how.branches.insert(options.branches.begin(), options.branches.end());
  how.tags.insert(options.tags.begin(), options.tags.end());
  if (!options.trust.empty()) how.trust = TRY(TrustFile::load(options.trust));
  how.connect = [&](const std::string& url) -> Result<std::unique_ptr<Transport>> {
    ConnectionOptions connection;
    connection.url = url;
    TRY(lead_to_sources(connection, options.sources));
    HttpOptions http;
    http.ca_file = options.sources.ca;
    auto sources = TRY(open_sources(connection.ways, http));
    if (sources.size() == 1) return std::move(sources.front());
    return std::unique_ptr<Transport>(new ChosenTransport(std::move(sources)));
  };
  Progress progress(io);
  const Mirrored mirrored = TRY(mirror(how, [&](const MirrorProgress& at) {
    progress.show(str(at.step, ": ", human_count(at.objects), " objects copied, ", human_bytes(at.bytes)));
  }));
  progress.clear();
  print(mirrored, options, io);
  return Done{};
}

Action define(CLI::App& app) {
  const auto options = std::make_shared<Options>();
  MirrorOptions& how = options->mirror;
  app.add_option("SRC", options->source, "a repository: a directory or a URL")->required();
  app.add_option("DST", how.destination, "a directory: a new one, or the mirror to bring up to date")->required();
  app.add_option("--trust", options->trust, "the repository's trust file; a mirror remembers it");
  add_source_options(app, options->sources);
  app.add_option("-b,--branch", options->branches, "only this branch, without its history; may be repeated");
  app.add_option("-t,--tag", options->tags, "only this tag; may be repeated");
  app.add_option("-j,--jobs", how.jobs, "requests at the same time")->default_val("8")->check(CLI::Range(1, 256));
  app.add_flag("--recheck", how.recheck, "look at everything again, and fetch what is missing or damaged");
  app.add_flag("--json", options->json, "print the result as a JSON object");
  return [options](Io& io) { return run(*options, io); };
}
}  // namespace

const Command kMirrorCommand{
    "mirror", "copy a repository, verified",
    "Copies what SRC's head reaches: objects first, the head last, so that readers of DST never miss anything. "
    "Everything is verified on arrival; objects that are there already are not fetched again; interrupted, it goes on "
    "where it was. A mirror has no keys: what it serves is what the publisher signed, and it never goes back to an "
    "older "
    "head.",
    "granary mirror https://sw.example.org/repo /srv/mirror --trust sw.trust\n"
    "granary mirror https://sw.example.org/repo /srv/mirror  # again: only what is new\n"
    "granary mirror /srv/sw /mnt/disk/v2 --trust sw.trust --tag v2",
    define};

}  // namespace granary
