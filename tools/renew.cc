// `renew`: signs a new timestamp, so that clients go on believing that the head is the newest.
#include "server/repository.h"
#include "tools/command.h"
#include "tools/commands.h"

namespace granary {

namespace {
struct Options {
  std::string repository;
  std::string validity;
  bool json = false;
};

Status run(const Options& options, Io& io) {
  std::optional<int64_t> validity_seconds;
  if (!options.validity.empty()) validity_seconds = TRY(parse_duration_seconds(options.validity));
  const std::string context = "cannot renew the timestamp of " + printable(options.repository);
  const auto repository = TRY_WITHIN(context, Repository::open(options.repository));
  const RepositoryState state = TRY_WITHIN(context, repository->renew(validity_seconds));
  const Timestamp timestamp = TRY_WITHIN(context, Timestamp::parse(state.bundle.timestamp.payload));
  const std::string expires = format_utc(timestamp.expires);
  if (options.json) {
    print_json(io, {{"revision", timestamp.revision}, {"time", format_utc(timestamp.time)}, {"expires", expires}});
    return Done{};
  }
  io.out << "revision " << timestamp.revision << " is believed until " << expires << "\n";
  return Done{};
}

Action define(CLI::App& app) {
  const auto options = std::make_shared<Options>();
  app.add_option("DIR", options->repository, "the repository")->required();
  app.add_option("--validity", options->validity,
                 "how long it is believed: 12h, 7d … (default: as long as the last one)");
  app.add_flag("--json", options->json, "print a JSON object");
  return [options](Io& io) { return run(*options, io); };
}
}  // namespace

const Command kRenewCommand{"renew", "sign a new timestamp for the newest revision",
                            "Clients resolve branches and tags only while the timestamp beside the head is fresh. A "
                            "timer runs this far more often "
                            "than timestamps expire: systemctl enable --now granary-renew@$(systemd-escape -p "
                            "DIR).timer. It needs the timestamp key "
                            "only.",
                            "granary renew /srv/sw\n"
                            "granary renew /srv/sw --validity 30d  # before a long holiday",
                            define};

}  // namespace granary
