// `branch`: lists, makes and removes branches.
#include "fs/format/identifiers.h"
#include "server/refs.h"
#include "tools/commands.h"
#include "tools/reading.h"

namespace granary {

namespace {
struct Options {
  std::string repository;
  std::string name;
  std::string start = "main";
  bool remove = false;
  bool all = false;
  bool json = false;
};

Status list(const Options& options, Io& io) {
  const auto reading = TRY(Reading::open({options.repository, {}, true, true}, {}, io));
  for (const auto& [name, envelope] : reading->view().head().record().branches) {
    if (!options.all && is_cook_branch(name)) continue;
    const Statement statement = TRY(Statement::parse(envelope.payload));
    if (options.json) {
      print_json(io, {{"branch", name},
                      {"snapshot", statement.snapshot.hex()},
                      {"tree_digest", statement.tree.hex()},
                      {"revision", statement.sequence},
                      {"time", format_utc(statement.time)}});
    } else {
      io.out << name << "  " << statement.snapshot.brief() << "  " << format_utc(statement.time) << "\n";
    }
  }
  return Done{};
}

void report(const char* verb, const std::string& name, const RepositoryState& state, bool json, Io& io) {
  if (json) {
    print_json(io, {{"branch", name}, {"action", verb}, {"revision", state.record.revision}});
  } else {
    io.out << verb << " branch " << name << ", revision " << state.record.revision << "\n";
  }
}

Status run(const Options& options, Io& io) {
  if (options.name.empty()) return list(options, io);
  const auto repository = TRY(Repository::open(options.repository));
  if (options.remove) {
    report("removed", options.name, TRY(delete_branch(*repository, options.name)), options.json, io);
    return Done{};
  }
  const auto reading = TRY(Reading::open({options.repository, {}, true, false}, TRY(selector_of(options.start)), io));
  const ResolvedSnapshot start = TRY(reading->resolve(options.start));
  report("made", options.name, TRY(create_branch(*repository, options.name, start.id)), options.json, io);
  return Done{};
}

Action define(CLI::App& app) {
  const auto options = std::make_shared<Options>();
  app.add_option("DIR", options->repository, "the repository")->required();
  app.add_option("NAME", options->name, "the branch to make; without it, branches are listed");
  app.add_option("SNAPSHOT", options->start, "where it starts: a branch, tag, snapshot id, main@DATE or main~N")
      ->default_val("main");
  app.add_flag("--delete", options->remove, "remove the branch NAME; refused while nothing else reaches its snapshots");
  app.add_flag("--all", options->all, "list the branches that cooking keeps for itself, too: cook/...");
  app.add_flag("--json", options->json, "print JSON");
  return [options](Io& io) { return run(*options, io); };
}
}  // namespace

const Command kBranchCommand{
    "branch", "list, make or remove branches",
    "A branch is a moving name: `granary publish --branch` moves it on. `granary publish` also makes one that is not "
    "there.",
    "granary branch /srv/sw\ngranary branch /srv/sw testing main~2\ngranary branch /srv/sw testing --delete", define};

}  // namespace granary
