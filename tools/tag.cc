// `tag`: lists tags and gives snapshots names that stand for ever.
#include "server/refs.h"
#include "tools/commands.h"
#include "tools/reading.h"

namespace granary {

namespace {
struct Options {
  std::string repository;
  std::string name;
  std::string snapshot = "main";
  bool json = false;
};

Status list(const Options& options, Io& io) {
  const auto reading = TRY(Reading::open({options.repository, {}, true, true}, {}, io));
  const Names names = TRY(reading->view().names());
  for (const auto& [name, envelope] : names.tags) {
    const Statement statement = TRY(Statement::parse(envelope.payload));
    if (options.json) {
      print_json(io, {{"tag", name},
                      {"snapshot", statement.snapshot.hex()},
                      {"tree_digest", statement.tree.hex()},
                      {"branch", statement.branch},
                      {"revision", statement.sequence},
                      {"time", format_utc(statement.time)}});
    } else {
      io.out << name << "  " << statement.snapshot.brief() << "  " << format_utc(statement.time)
             << (names.withdrawn.contains(statement.snapshot) ? "  WITHDRAWN" : "") << "\n";
    }
  }
  return Done{};
}

Status run(const Options& options, Io& io) {
  if (options.name.empty()) return list(options, io);
  const auto repository = TRY(Repository::open(options.repository));
  const auto reading =
      TRY(Reading::open({options.repository, {}, true, false}, TRY(selector_of(options.snapshot)), io));
  const ResolvedSnapshot snapshot = TRY(reading->resolve(options.snapshot));
  const RepositoryState state = TRY(create_tag(*repository, options.name, snapshot.id));
  if (options.json) {
    print_json(io, {{"tag", options.name},
                    {"snapshot", snapshot.id.hex()},
                    {"tree_digest", snapshot.snapshot.tree.hex()},
                    {"revision", state.record.revision}});
  } else {
    io.out << "tagged snapshot " << snapshot.id.brief() << " as " << options.name << ", revision "
           << state.record.revision << "\n";
  }
  return Done{};
}

Action define(CLI::App& app) {
  const auto options = std::make_shared<Options>();
  app.add_option("DIR", options->repository, "the repository")->required();
  app.add_option("NAME", options->name, "the tag to make; without it, tags are listed");
  app.add_option("SNAPSHOT", options->snapshot, "what it names: a branch, tag, snapshot id, main@DATE or main~N")
      ->default_val("main");
  app.add_flag("--json", options->json, "print JSON");
  return [options](Io& io) { return run(*options, io); };
}
}  // namespace

const Command kTagCommand{"tag", "list tags, or name a snapshot for ever",
                          "A tag is never re-pointed and never removed; what it names is kept by garbage collection. A "
                          "snapshot that should not be used any more is withdrawn.",
                          "granary tag /srv/sw\ngranary tag /srv/sw v1.2\ngranary tag /srv/sw before-upgrade main~1",
                          define};

}  // namespace granary
