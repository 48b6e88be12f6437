// `probe`: whether mounts answer.
#include "fs/base/bytes.h"
#include "tools/command.h"
#include "tools/commands.h"
#include "tools/many_mounts.h"
#include "tools/mount_probe.h"

namespace granary {

namespace {
using Outcome = ProbeCheck::Outcome;

struct Options {
  std::vector<std::string> mount_points;
  double timeout_seconds = 10;
  bool json = false, nagios = false;
};

OrderedJson json_of(const ProbeReport& report) {
  OrderedJson checks = OrderedJson::array();
  for (const ProbeCheck& check : report.checks) {
    checks.push_back({{"name", check.name},
                      {"outcome", name_of(check.outcome)},
                      {"milliseconds", check.milliseconds},
                      {"detail", check.detail}});
  }
  return {{"mount_point", printable(report.mount.path)},
          {"url", report.mount.source},
          {"outcome", name_of(report.worst())},
          {"complaint", report.complaint()},
          {"checks", checks}};
}

void print(const ProbeReport& report, Io& io) {
  io.out << printable(report.mount.path) << "  " << name_of(report.worst()) << "\n";
  for (const ProbeCheck& check : report.checks) {
    char line[64];
    std::snprintf(line, sizeof line, "  %-8s %-8s %8.1f ms", check.name.c_str(), name_of(check.outcome),
                  check.milliseconds);
    io.out << line << (check.detail.empty() ? "" : "  " + check.detail) << "\n";
  }
}

// As the plug-ins of Nagios do: one line, and a status of 0, 1, 2 or 3.
Status report_to_nagios(const std::vector<ProbeReport>& reports, Io& io) {
  Outcome worst = Outcome::kOk;
  std::string complaints;
  for (const ProbeReport& report : reports) {
    worst = std::max(worst, report.worst());
    if (report.worst() != Outcome::kOk)
      complaints += str(complaints.empty() ? "" : "; ", printable(report.mount.path), ": ", report.complaint());
  }
  static constexpr const char* kWords[] = {"OK", "WARNING", "CRITICAL"};
  io.out << "GRANARY " << kWords[static_cast<size_t>(worst)] << " - "
         << (complaints.empty() ? str(reports.size(), " mounts answer") : complaints) << "\n";
  if (worst == Outcome::kOk) return Done{};
  return Error{static_cast<Code>(worst), "not all mounts are well"};
}

Status run(const Options& options, Io& io) {
  const auto mounts = TRY(chosen_mounts(options.mount_points));
  const auto timeout = std::chrono::milliseconds(static_cast<int64_t>(options.timeout_seconds * 1000));
  const auto reports = probe_mounts(mounts, timeout);
  if (options.nagios) return report_to_nagios(reports, io);
  bool all_answer = true;
  OrderedJson json = OrderedJson::array();
  for (const ProbeReport& report : reports) {
    all_answer = all_answer && report.worst() != Outcome::kFailed;
    if (options.json) {
      json.push_back(json_of(report));
    } else {
      print(report, io);
    }
  }
  if (options.json) print_json(io, json);
  if (all_answer) return Done{};
  return Error{static_cast<Code>(1), "not all mounts answer"};
}

Action define(CLI::App& app) {
  const auto options = std::make_shared<Options>();
  app.add_option("MOUNTPOINT", options->mount_points, "only these (default: all mounts of Granary on this host)");
  app.add_option("--timeout", options->timeout_seconds, "how long all of it may take")
      ->type_name("SECONDS")
      ->check(CLI::Range(0.1, 300.0))
      ->capture_default_str();
  auto* const json = app.add_flag("--json", options->json, "one JSON document");
  app.add_flag("--nagios", options->nagios, "one line, and the status that Nagios expects: 0, 1 or 2")->excludes(json);
  return [options](Io& io) { return run(*options, io); };
}
}  // namespace

const Command kProbeCommand{
    "probe", "look whether mounts answer",
    "Of each mount: does its process answer questions, does a source answer with the head, does the kernel get an "
    "answer "
    "for its size,\n"
    "its root and the bytes of a file? Child processes look, so that a mount that hangs never hangs the probe. Ends "
    "with 0 "
    "when all answer,\n"
    "warnings included (no source answers: what is cached goes on), and with 1 when one does not.",
    "granary probe  # all mounts of this host\n"
    "granary probe /sw --timeout 5\n"
    "granary probe --nagios\n",
    define};

}  // namespace granary
