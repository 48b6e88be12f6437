// `serve`: hands a repository out over HTTP.
#include "fs/base/log.h"
#include "server/http_server.h"
#include "tools/command.h"
#include "tools/commands.h"
#include "tools/end_signals.h"

namespace granary {

namespace {
struct Options {
  std::string repository;
  HttpServerOptions server;
  bool json = false;
};

Status run(const Options& options, Io& io) {
  if (options.server.access_log) log::set_level(log::Level::kInfo);
  const EndSignals end;
  const auto server = TRY(HttpServer::start(options.repository, options.server));
  if (options.json) {
    print_json(io, {{"url", server->url()}, {"repository", options.repository}});
  } else {
    io.out << "serving " << printable(options.repository) << " at " << server->url() << "\n";
  }
  io.out.flush();
  end.wait();
  return Done{};
}

Action define(CLI::App& app) {
  const auto options = std::make_shared<Options>();
  app.add_option("repository", options->repository, "the repository's directory")->required()->type_name("DIR");
  app.add_option("--listen", options->server.listen, "where to listen; port 0 picks a free one")
      ->type_name("ADDRESS:PORT")
      ->capture_default_str();
  app.add_option("--threads", options->server.threads, "how many threads serve (default: one a core)")
      ->type_name("N")
      ->check(CLI::Range(1, 256));
  app.add_flag("--access-log", options->server.access_log, "log every request to standard error");
  app.add_flag("--json", options->json, "print the URL as JSON");
  return [options](Io& io) { return run(*options, io); };
}
}  // namespace

const Command kServeCommand{
    "serve", "hand a repository out over HTTP",
    "Serves the public files of the repository in DIR, and nothing else, until SIGTERM or SIGINT. Any static web "
    "server\n"
    "does as well: tools/examples/nginx.conf shows one. Requests under way are finished before it ends.",
    "granary serve /srv/repo  # for this host only\n"
    "granary serve /srv/repo --listen 0.0.0.0:80 --access-log  # for everybody\n"
    "granary serve /srv/repo --listen 127.0.0.1:0  # on any free port, which it prints",
    define};

}  // namespace granary
