// `ls`: lists a directory of a snapshot, without mounting it.
#include "tools/commands.h"
#include "tools/listing.h"
#include "tools/reading.h"

namespace granary {

namespace {
struct Options {
  ReadingOptions reading;
  std::string path;
  std::string snapshot = "main";
  bool details = false;
  bool recursive = false;
  bool json = false;
};

class Lister {
 public:
  Lister(Catalog& catalog, const Options& options, Io& io) : catalog_(catalog), options_(options), io_(io) {}

  Status list(const Entry& directory, const Bytes& path, const Bytes& shown_below) {
    std::vector<std::pair<Entry, Bytes>> directories;
    TRY(catalog_.list(directory.inode, {}, [&](Entry&& entry) {
      const Bytes full = path.empty() ? entry.name : path + "/" + entry.name;
      show(entry, options_.recursive || options_.json ? full : shown_below + entry.name, full);
      if (options_.recursive && entry.node.is_directory()) directories.emplace_back(std::move(entry), full);
      return static_cast<bool>(io_.out);
    }));
    for (const auto& [entry, below] : directories) TRY(list(entry, below, {}));
    return Done{};
  }

  void show(const Entry& entry, const Bytes& shown, const Bytes& full) {
    if (options_.json) {
      print_json(io_, entry_json(entry, full));
      return;
    }
    io_.out << (options_.details ? long_line(entry, shown) : printable(shown)) << "\n";
  }

 private:
  Catalog& catalog_;
  const Options& options_;
  Io& io_;
};

Status run(const Options& options, Io& io) {
  const auto reading = TRY(Reading::open(options.reading, TRY(selector_of(options.snapshot)), io));
  const ResolvedSnapshot snapshot = TRY(reading->resolve(options.snapshot));
  const auto catalog = TRY(reading->catalog(snapshot));
  const Bytes path = TRY(tree_path(options.path));
  const Entry entry = TRY_WITHIN(str("snapshot ", snapshot.id.brief()), catalog->resolve(path));
  Lister lister(*catalog, options, io);
  if (entry.node.is_directory()) return lister.list(entry, path, {});
  lister.show(entry, path, path);
  return Done{};
}

Action define(CLI::App& app) {
  const auto options = std::make_shared<Options>();
  add_reading_options(app, options->reading);
  app.add_option("PATH", options->path, "the directory or file (default: the root)");
  app.add_option("-s,--snapshot", options->snapshot, "a branch, tag, snapshot id, main@DATE or main~N")
      ->default_val("main");
  app.add_flag("-l,--long", options->details, "mode, links, owner, group, size and time too");
  app.add_flag("-R,--recursive", options->recursive, "everything below, with whole paths");
  app.add_flag("--json", options->json, "one JSON object a line, with digests and xattrs (values in hexadecimal)");
  return [options](Io& io) { return run(*options, io); };
}
}  // namespace

const Command kLsCommand{"ls", "list a directory of a snapshot without mounting it",
                         "Unprintable bytes in names are shown as \\xNN.",
                         "granary ls /srv/sw etc\ngranary ls -l http://server:8000 usr/bin --trust sw.trust --snapshot "
                         "v2\ngranary ls -R --json /srv/sw",
                         define};

}  // namespace granary
