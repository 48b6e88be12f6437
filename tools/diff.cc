// `diff`: what changed between two snapshots, in time that grows with the changes, not with the trees.
#include "fs/format/changed_parts.h"
#include "tools/commands.h"
#include "tools/listing.h"
#include "tools/reading.h"

namespace granary {

namespace {
struct Options {
  ReadingOptions reading;
  std::string before = "main~1";
  std::string after = "main";
  bool details = false;
  bool json = false;
};

// What of an entry changed, with commas.
std::string changes_of(const Entry& before, const Entry& after) {
  std::vector<std::string> parts = changed_parts(before.node, after.node);
  const bool has_other_links = !before.node.is_directory() && before.nlink != after.nlink;
  if (has_other_links || parts.empty()) parts.emplace_back("links");
  std::string text;
  for (const std::string& part : parts) text += (text.empty() ? "" : ",") + part;
  return text;
}

void show(const Difference& difference, const Options& options, Io& io) {
  static constexpr const char* kWords[] = {"added", "removed", "changed"};
  static constexpr char kSigns[] = {'A', 'D', 'M'};
  const auto kind = static_cast<size_t>(difference.kind);
  const bool changed = difference.kind == Difference::Kind::kChanged;
  const std::string parts = changed ? changes_of(*difference.before, *difference.after) : "";
  if (options.json) {
    OrderedJson json{{"path", printable(difference.path)}, {"change", kWords[kind]}};
    if (changed) json["parts"] = parts;
    if (difference.before) json["before"] = entry_json(*difference.before, difference.path);
    if (difference.after) json["after"] = entry_json(*difference.after, difference.path);
    print_json(io, json);
    return;
  }
  io.out << kSigns[kind] << " /" << printable(difference.path);
  if (options.details && changed) io.out << "  (" << parts << ")";
  io.out << "\n";
}

Status run(const Options& options, Io& io) {
  const auto reading = TRY(Reading::open(options.reading, TRY(selector_of(options.after)), io));
  const ResolvedSnapshot before = TRY(reading->resolve(options.before));
  const ResolvedSnapshot after = TRY(reading->resolve(options.after));
  if (before.snapshot.tree == after.snapshot.tree) return Done{};
  const auto before_catalog = TRY(reading->catalog(before));
  const auto after_catalog = TRY(reading->catalog(after));
  return diff_catalogs(*before_catalog, *after_catalog, [&](Difference&& difference) {
    show(difference, options, io);
    return static_cast<bool>(io.out);
  });
}

Action define(CLI::App& app) {
  const auto options = std::make_shared<Options>();
  add_reading_options(app, options->reading);
  app.add_option("BEFORE", options->before, "a branch, tag, snapshot id, main@DATE or main~N")->default_val("main~1");
  app.add_option("AFTER", options->after, "likewise")->default_val("main");
  app.add_flag("-l,--long", options->details, "say what changed: content, mode, owner, mtime, xattrs, links …");
  app.add_flag("--json", options->json, "one JSON object a line, with both entries");
  return [options](Io& io) { return run(*options, io); };
}
}  // namespace

const Command kDiffCommand{
    "diff", "show what changed between two snapshots",
    "A line a path: A added, D removed, M changed. Equal directories are recognised by their digests and not looked "
    "into, so that comparing two "
    "states of a large tree takes time for what changed only.",
    "granary diff /srv/sw main~1 main\ngranary diff -l /srv/sw v1 v2\ngranary diff /srv/sw main@2026-11-01 main --json",
    define};

}  // namespace granary
