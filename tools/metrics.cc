// `metrics`: what the mounts of this host count, for Prometheus.
#include "fs/base/file.h"
#include "fs/client/metrics_text.h"
#include "server/text_server.h"
#include "tools/command.h"
#include "tools/commands.h"
#include "tools/end_signals.h"
#include "tools/many_mounts.h"

namespace granary {

namespace {
constexpr const char* kContentType = "text/plain; version=0.0.4; charset=utf-8";

struct Options {
  std::vector<std::string> mount_points;
  std::string listen, textfile;
  double timeout_seconds = 2;
  bool json = false;
};

// A mount that does not answer loses its own lines, but says so.
std::string text_of(const std::vector<MountPoint>& mounts, std::chrono::milliseconds timeout) {
  MetricsText up({});
  up.gauge("granary_up", "Whether the mount's process answers.");
  std::vector<std::string> texts{""};
  for (const MountAnswer& each : ask_mounts(mounts, "metrics", timeout)) {
    if (!each.answer && each.answer.error().code == Code::kPermission) continue;  // somebody else's
    up.sample(each.answer ? 1 : 0, {{"mount", each.mount.path}, {"url", each.mount.source}});
    if (each.answer) texts.push_back(*each.answer);
  }
  texts[0] = up.take();
  return merged_metrics(texts);
}

Status run(const Options& options, Io& io) {
  const auto timeout = std::chrono::milliseconds(static_cast<int64_t>(options.timeout_seconds * 1000));
  const auto text = [&]() -> Result<std::string> { return text_of(TRY(chosen_mounts(options.mount_points)), timeout); };
  if (!options.textfile.empty()) return replace_file(options.textfile, TRY(text()), 0644, Durability::kFast);
  if (options.listen.empty()) {
    io.out << TRY(text());
    return Done{};
  }
  const EndSignals end;
  const auto server = TRY(TextServer::start(options.listen, "/metrics", kContentType, [&] {
    const auto made = text();
    return made ? *made : "# " + printable(made.error().message) + "\n";
  }));
  io.out << "serving metrics at " << server->url() << std::endl;
  end.wait();
  return Done{};
}

Action define(CLI::App& app) {
  const auto options = std::make_shared<Options>();
  app.add_option("MOUNTPOINT", options->mount_points, "only these (default: all mounts of this host that we may ask)");
  auto* const listen = app.add_option("--listen", options->listen, "serve them over HTTP, at /metrics")
                           ->type_name("ADDRESS:PORT|unix:PATH");
  app.add_option("--textfile", options->textfile, "write them into FILE, which is replaced in one step")
      ->type_name("FILE")
      ->excludes(listen);
  app.add_option("--timeout", options->timeout_seconds, "how long each mount may take to answer")
      ->type_name("SECONDS")
      ->check(CLI::Range(0.1, 60.0))
      ->capture_default_str();
  return [options](Io& io) { return run(*options, io); };
}
}  // namespace

const Command kMetricsCommand{
    "metrics", "show what mounts count, for Prometheus",
    "Asks the processes behind the mounts, all at the same time, and prints what they count in Prometheus' text "
    "format: "
    "requests and how long they took,\n"
    "hits, fetched bytes, sources, cache, stalls. A mount that does not answer loses its own lines and has granary_up "
    "0. "
    "docs/operations.md lists the names;\n"
    "tools/examples has a scrape configuration and alert rules.",
    "granary metrics  # of all mounts\n"
    "granary metrics --listen 127.0.0.1:9417  # for Prometheus to scrape\n"
    "granary metrics --listen unix:/run/granary/metrics.sock\n"
    "granary metrics --textfile /var/lib/prometheus/node-exporter/granary.prom  # for node_exporter\n",
    define};

}  // namespace granary
