// `rollback`: makes a branch what it was, by going forward.
#include "server/refs.h"
#include "tools/commands.h"
#include "tools/published.h"
#include "tools/reading.h"

namespace granary {

namespace {
struct Options {
  std::string repository;
  std::string snapshot;
  std::string branch = "main";
  std::string message;
  bool json = false;
};

Status run(const Options& options, Io& io) {
  const auto repository = TRY(Repository::open(options.repository));
  const std::string target = options.snapshot.empty() ? options.branch + "~1" : options.snapshot;
  const auto reading = TRY(Reading::open({options.repository, {}, true, false}, TRY(selector_of(target)), io));
  const ResolvedSnapshot old = TRY(reading->resolve(target));
  const RolledBack done = TRY(roll_back(*repository, options.branch, old.id, options.message));
  if (options.json) {
    print_json(io, {{"snapshot", done.snapshot.hex()},
                    {"tree_digest", old.snapshot.tree.hex()},
                    {"branch", options.branch},
                    {"revision", done.state.record.revision},
                    {"profiles", carried_json(done.profiles)}});
  } else {
    io.out << "branch " << options.branch << " is again what it was at " << old.id.brief() << ": snapshot "
           << done.snapshot.brief() << ", revision " << done.state.record.revision << "\n";
    print_carried(done.profiles, io);
  }
  return Done{};
}

Action define(CLI::App& app) {
  const auto options = std::make_shared<Options>();
  app.add_option("DIR", options->repository, "the repository")->required();
  app.add_option(
      "SNAPSHOT", options->snapshot,
      "the state to return to: a tag, snapshot id, main@DATE or main~N (default: the one before the newest)");
  app.add_option("-b,--branch", options->branch, "the branch")->default_val("main");
  app.add_option("-m,--message", options->message, "why, for `granary log`");
  app.add_flag("--json", options->json, "print the result as a JSON object");
  return [options](Io& io) { return run(*options, io); };
}
}  // namespace

const Command kRollbackCommand{
    "rollback", "make a branch what it was",
    "Publishes the old tree as a new snapshot with a higher revision, so that clients, which refuse to go back, "
    "follow. Nothing is forgotten.",
    "granary rollback /srv/sw\ngranary rollback /srv/sw v1.2 --message \"v1.3 broke python\"", define};

}  // namespace granary
