// `check`: verifies everything a repository's head reaches, and says what is broken and whom it touches.
#include "server/checker.h"

#include "tools/command.h"
#include "tools/commands.h"
#include "tools/format.h"
#include "tools/progress.h"

namespace granary {

namespace {
constexpr size_t kShownPaths = 20;

struct Options {
  CheckOptions check;
  std::string trust;
  bool json = false;
};

std::string joined(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
  return text;
}

void print_json_report(const CheckReport& report, Io& io) {
  OrderedJson faults = OrderedJson::array();
  for (const Fault& fault : report.faults) {
    OrderedJson places = OrderedJson::array();
    for (const Fault::Place& place : fault.touched)
      places.push_back({{"snapshot", place.snapshot.hex()}, {"names", place.names}, {"path", place.path}});
    faults.push_back({{"thing", fault.thing},
                      {"what", fault.what},
                      {"touched", std::move(places)},
                      {"touched_total", fault.touched_total}});
  }
  print_json(io, {{"repository", report.repository},
                  {"name", report.name},
                  {"revision", report.revision},
                  {"sound", report.sound()},
                  {"deep", report.deep},
                  {"faults", std::move(faults)},
                  {"notes", report.notes},
                  {"records", report.records},
                  {"snapshots", report.snapshots},
                  {"catalogs", report.catalogs},
                  {"entries", report.entries},
                  {"objects", report.objects},
                  {"object_bytes", report.object_bytes},
                  {"contents", report.contents},
                  {"orphans", report.orphans},
                  {"orphan_bytes", report.orphan_bytes},
                  {"quarantined", report.quarantined},
                  {"leftovers", report.leftovers}});
}

void print_fault(const Fault& fault, Io& io) {
  io.out << fault.thing << ": " << fault.what << "\n";
  for (size_t i = 0; i < std::min(fault.touched.size(), kShownPaths); ++i) {
    const Fault::Place& place = fault.touched[i];
    io.out << "    " << (place.path.empty() ? "everything" : place.path) << " in snapshot " << place.snapshot.brief()
           << " (" << joined(place.names) << ")\n";
  }
  if (fault.touched_total > kShownPaths)
    io.out << "    and " << human_count(fault.touched_total - kShownPaths) << " more\n";
}

void print(const CheckReport& report, Io& io) {
  for (const Fault& fault : report.faults) print_fault(fault, io);
  for (const std::string& note : report.notes) io.out << "note: " << note << "\n";
  io.out << (report.deep ? "checked to the last byte: " : "checked: ") << human_count(report.records) << " records, "
         << human_count(report.snapshots) << " snapshots, " << human_count(report.catalogs) << " catalogs, "
         << human_count(report.objects) << " objects, " << human_bytes(report.object_bytes);
  if (report.deep) io.out << ", " << human_count(report.contents) << " file contents";
  io.out << "\n";
  if (report.orphans + report.quarantined + report.leftovers > 0)
    io.out << "for `granary gc`: " << human_count(report.orphans) << " objects that nothing reaches ("
           << human_bytes(report.orphan_bytes) << "), " << human_count(report.quarantined) << " in quarantine, "
           << human_count(report.leftovers) << " leftovers\n";
  if (report.sound()) io.out << "everything is sound at revision " << report.revision << "\n";
}

Status run(const Options& options, Io& io) {
  CheckOptions check = options.check;
  if (!options.trust.empty()) check.trust = TRY(TrustFile::load(options.trust));
  Progress progress(io);
  const CheckReport report = TRY(check_repository(check, [&](const CheckProgress& at) {
    progress.show(at.total != 0 ? str(at.step, ": ", human_count(at.done), " of ", human_count(at.total))
                                : str(at.step, ": ", human_count(at.done)));
  }));
  progress.clear();
  options.json ? print_json_report(report, io) : print(report, io);
  if (report.sound()) return Done{};
  return Error{Code::kCorrupt, str(printable(check.directory), " is damaged: ", report.faults.size(), " fault",
                                   report.faults.size() == 1 ? "" : "s")};
}

Action define(CLI::App& app) {
  const auto options = std::make_shared<Options>();
  app.add_option("DIR", options->check.directory, "the repository, or a mirror of one")->required();
  app.add_flag("--deep", options->check.deep,
               "decode every object, hash every file, and compare what keys limited to paths have changed");
  app.add_option("--trust", options->trust, "the trust file to believe (default: the repository's own)");
  app.add_option("-j,--jobs", options->check.jobs, "threads (default: one a core)")->check(CLI::Range(1, 256));
  app.add_flag("--json", options->json, "print the report as a JSON object");
  return [options](Io& io) { return run(*options, io); };
}
}  // namespace

const Command kCheckCommand{
    "check", "verify a repository",
    "Verifies everything that the head reaches: signatures, the whole log, names, snapshots, catalogs row by row, and "
    "that "
    "every object is there and has the right header; with --deep every byte. Goes on after each fault, and says which "
    "paths of which snapshots it touches. Only reads. Ends with status 6 when something is broken.",
    "granary check /srv/sw\ngranary check /srv/sw --deep --json", define};

}  // namespace granary
