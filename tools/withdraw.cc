// `withdraw`: says that a snapshot should not be used any more.
#include "server/refs.h"
#include "tools/commands.h"
#include "tools/reading.h"

namespace granary {

namespace {
struct Options {
  std::string repository;
  std::string snapshot;
  std::string reason;
  bool json = false;
};

Status run(const Options& options, Io& io) {
  const auto repository = TRY(Repository::open(options.repository));
  const auto reading = TRY(Reading::open({options.repository, {}, true, true}, TRY(selector_of(options.snapshot)), io));
  const ResolvedSnapshot snapshot = TRY(reading->resolve(options.snapshot));
  const RepositoryState state = TRY(withdraw(*repository, snapshot.id, options.reason));
  if (options.json) {
    print_json(io, {{"snapshot", snapshot.id.hex()}, {"revision", state.record.revision}});
    return Done{};
  }
  io.out << "withdrew snapshot " << snapshot.id.brief() << ", revision " << state.record.revision << "\n";
  for (const auto& [name, envelope] : state.record.branches) {
    if (TRY(Statement::parse(envelope.payload)).snapshot == snapshot.id)
      io.out << "branch " << name << " still stands for it: publish, or go back with `granary rollback`\n";
  }
  return Done{};
}

Action define(CLI::App& app) {
  const auto options = std::make_shared<Options>();
  app.add_option("DIR", options->repository, "the repository")->required();
  app.add_option("SNAPSHOT", options->snapshot, "a snapshot id, branch, tag, main@DATE or main~N")->required();
  app.add_option("-r,--reason", options->reason, "why, for those who try to use it")->required();
  app.add_flag("--json", options->json, "print JSON");
  return [options](Io& io) { return run(*options, io); };
}
}  // namespace

const Command kWithdrawCommand{"withdraw", "warn of a snapshot, with a reason",
                               "The withdrawal is signed into the head. Clients then refuse to mount the snapshot, "
                               "with the reason, unless they say "
                               "--allow-withdrawn; what is mounted stays mounted. Nothing is removed.",
                               "granary withdraw /srv/sw v1.2 --reason \"CVE-2026-1234 in openssl\"", define};

}  // namespace granary
