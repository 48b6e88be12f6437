// `prefetch`: brings a path of a mount, or of a snapshot without a mount, into the cache now.
#include <thread>

#include "fs/base/owner.h"
#include "fs/client/connection.h"
#include "fs/client/prefetch_job.h"
#include "fs/client/repository_view.h"
#include "tools/command.h"
#include "tools/commands.h"
#include "tools/format.h"
#include "tools/job_watch.h"
#include "tools/mount_place.h"
#include "tools/reading.h"

namespace granary {

namespace {
struct Options {
  std::vector<std::string> places;
  std::string trust, branch, tag, snapshot, date, cache, quota, state;
  SourceOptions sources;
  std::vector<std::string> paths;
  bool archive = false, allow_withdrawn = false, json = false;
};

// What became of each path; the first failure is the command's.
class Outcomes {
 public:
  explicit Outcomes(Io& io) : io_(io) {}

  void add(const std::string& what, const OrderedJson& progress) {
    OrderedJson one{{"path", printable(what)}};
    one.update(progress);
    all_.push_back(std::move(one));
    const Status outcome = outcome_of(progress, io_);
    if (outcome) lines_ += str("fetched ", what, ": ", sizes_of(progress), "\n");
    if (!outcome && !failure_) failure_ = outcome.error().within("cannot prefetch " + what);
  }
  Status finish(bool json) {
    if (json) {
      print_json(io_, {{"paths", all_}});
    } else {
      io_.out << lines_;
    }
    return failure_ ? Status(*failure_) : Status(Done{});
  }

 private:
  Io& io_;
  OrderedJson all_ = OrderedJson::array();
  std::string lines_;
  std::optional<Error> failure_;
};

Status prefetch_mounted(const Options& options, Io& io) {
  Outcomes outcomes(io);
  const Interrupted interruptible;
  for (const std::string& path : options.places) {
    const MountPlace place = TRY(find_mount_place(path));
    const std::string number = TRY(ask_mount(place.mount, "prefetch " + to_hex(place.path)));
    WatchedJob job;
    job.what = printable(path);
    job.progress = [&] { return ask_mount(place.mount, "job " + number); };
    job.stop = [&] { static_cast<void>(ask_mount(place.mount, "stop " + number)); };
    outcomes.add(job.what, TRY(watch_job(job, io)));
    if (Interrupted::now()) break;
  }
  return outcomes.finish(options.json);
}

Result<SnapshotSelector> selector_from(const Options& options) {
  using Kind = SnapshotSelector::Kind;
  if (!options.tag.empty()) return SnapshotSelector::parse(options.tag, Kind::kTag);
  if (!options.snapshot.empty()) return SnapshotSelector::parse(options.snapshot, Kind::kAny);
  SnapshotSelector selector;
  if (!options.branch.empty()) selector = TRY(SnapshotSelector::parse(options.branch, Kind::kBranch));
  if (!options.date.empty()) selector.date = TRY(parse_utc(options.date));
  return selector;
}

// Into the cache directory, as a mount would fill it.
Status prefetch_unmounted(const Options& options, Io& io) {
  const TrustFile trust = TRY(TrustFile::load(options.trust));
  const SnapshotSelector selector = TRY(selector_from(options));
  ConnectionOptions how;
  how.url = TRY(repository_url(options.places.front()));
  how.repository_name = trust.name;
  how.cache_directory = options.cache.empty() ? default_cache_directory() + "/" + trust.repository : options.cache;
  TRY(lead_to_sources(how, options.sources));
  if (!options.quota.empty()) how.quota_bytes = TRY_WITHIN("bad quota", parse_size(options.quota));
  TRY(act_as_owner_of(how.cache_directory));
  const auto connection = TRY(Connection::open(how));
  ViewOptions view;
  view.url = public_url(how.url);
  view.trust = trust;
  view.state_directory = options.state.empty() ? default_state_directory() : options.state;
  view.archive = options.archive;
  view.allow_withdrawn = options.allow_withdrawn;
  const auto repository = TRY(RepositoryView::open(connection->fetcher(), view, selector));
  const ResolvedSnapshot resolved = TRY(repository->resolve(selector));

  Outcomes outcomes(io);
  const Interrupted interruptible;
  for (const std::string& path : options.paths.empty() ? std::vector<std::string>{"/"} : options.paths) {
    const Bytes below = TRY(tree_path(path));
    PrefetchJob job({resolved.snapshot.catalog, below, resolved.id, resolved.repository, {}}, connection->fetcher(),
                    connection->cache());
    std::thread thread([&job] { static_cast<void>(job.run()); });
    WatchedJob watched;
    watched.what = printable(path);
    watched.progress = [&]() -> Result<std::string> { return job.progress().json(); };
    watched.stop = [&] { job.stop(); };
    const auto progress = watch_job(watched, io);
    thread.join();
    outcomes.add(watched.what, TRY(progress));
    if (Interrupted::now()) break;
  }
  return outcomes.finish(options.json);
}

Status run(const Options& options, Io& io) {
  const bool is_url = options.places.front().find("://") != std::string::npos;
  if (!is_url && options.trust.empty()) return prefetch_mounted(options, io);
  if (options.places.size() != 1) return Error{Code::kInvalid, "one repository at a time; --path names parts of it"};
  if (options.trust.empty())
    return Error{Code::kBadTrustFile, "a URL needs --trust FILE: the trust file that its publisher hands out"};
  return prefetch_unmounted(options, io);
}

Action define(CLI::App& app) {
  const auto options = std::make_shared<Options>();
  app.add_option("PLACE", options->places, "paths in a live mount; or the URL of a repository")->required();
  auto* trust = app.add_option("--trust", options->trust, "the repository's trust file: for a URL, without a mount");
  const auto without_mount = [&](const char* name, auto& value, const char* words) {
    return app.add_option(name, value, words)->needs(trust);
  };
  auto* branch = without_mount("--branch", options->branch, "the newest snapshot of this branch (default: main)");
  auto* tag = without_mount("--tag", options->tag, "the snapshot with this tag");
  auto* snapshot = without_mount("--snapshot", options->snapshot, "this snapshot: an id or its beginning, or main~3");
  auto* date = without_mount("--date", options->date, "the branch as it was then, such as 2026-11-01T12:00 (UTC)");
  tag->excludes(branch)->excludes(snapshot)->excludes(date);
  snapshot->excludes(branch)->excludes(date);
  without_mount("--path", options->paths, "only this path of the snapshot; may be repeated")->allow_extra_args(false);
  without_mount("--cache", options->cache, "the cache to fill (default: that of `granary mount`)");
  without_mount("--quota", options->quota,
                "bytes the cache may take, such as 20G (default: 4G, at most half of the disk)");
  without_mount("--state", options->state, "where the newest versions seen are remembered");
  add_source_options(app, options->sources, trust);
  app.add_flag("--archive", options->archive, "accept a repository that is authentic but stale")->needs(trust);
  app.add_flag("--allow-withdrawn", options->allow_withdrawn, "even if its publisher has withdrawn it")->needs(trust);
  app.add_flag("--json", options->json, "print what was fetched as a JSON object at the end");
  return [options](Io& io) { return run(*options, io); };
}
}  // namespace

const Command kPrefetchCommand{
    "prefetch", "fetch a path or a snapshot into the cache now",
    "With paths of a live mount: the mount fetches everything below them, with the parts of the catalog that reading\n"
    "them takes. With a URL: fills the cache directory without a mount, so that a later mount finds everything there\n"
    "(it still asks for the head). Ctrl-C stops it; what has arrived stays. Refuses at once what cannot fit the "
    "quota.\n"
    "What is fetched may be evicted again: `granary pin` protects it. Fails when something could not be had, and names "
    "it.",
    "granary prefetch /sw/usr/lib/python3  # a part of a mount\n"
    "granary prefetch /sw  # all of it\n"
    "granary prefetch https://sw.example.org/repo --trust sw.trust --tag v1.2 --path /usr --quota 20G\n",
    define};

}  // namespace granary
