// `shell`: a throw-away system: a snapshot in which everything can be changed, until the shell ends.
#include <unistd.h>

#include <cstdlib>
#include <filesystem>

#include "fs/base/file.h"
#include "fs/format/paths.h"
#include "tools/commands.h"
#include "tools/programs.h"
#include "tools/reading.h"
#include "tools/repository_option.h"
#include "tools/throwaway_tree.h"

namespace granary {

namespace {
struct Options {
  ReadingOptions reading;
  std::string snapshot = "main";
  std::vector<std::string> words;
  std::vector<std::string> binds;
  std::string keep;
  std::string cache;
};

// What it names, by its full id: from then on nothing can move.
Result<SnapshotId> snapshot_id(const Options& options, Io& io) {
  const auto reading = TRY(Reading::open(options.reading, TRY(selector_of(options.snapshot)), io));
  return TRY(reading->resolve(options.snapshot)).id;
}

Result<std::vector<std::string>> mount_words(const Options& options, const SnapshotId& id) {
  const std::string& where = options.reading.where;
  const bool is_url = where.find("://") != std::string::npos;
  const std::string program = TRY(find_program("granary-mount"));
  const std::string url = TRY(repository_url(where));
  std::vector<std::string> words{program, url, "--snapshot", id.hex()};
  const std::string own = where + "/.granary/trust.json";
  const std::string trust = !options.reading.trust.empty() || is_url ? options.reading.trust : own;
  if (!exists(trust))
    return Error{Code::kBadTrustFile, printable(where) + " is not a repository of your own: say --trust FILE"};
  const std::string cache = options.cache.empty() ? default_cache_directory() : options.cache;
  // Absolute, and those of the user outside: inside, everybody is root.
  words.insert(words.end(), {"--trust", std::filesystem::absolute(trust).string(), "--cache", cache, "--state",
                             default_state_directory()});
  if (options.reading.archive || !is_url) words.emplace_back("--archive");
  if (options.reading.allow_withdrawn) words.emplace_back("--allow-withdrawn");
  if (::geteuid() == 0) words.insert(words.end(), {"-o", "allow_other,suid,dev"});
  return words;
}

Result<ThrowawayBind> parse_bind(const std::string& text) {
  const auto bad = [&](const char* why) {
    return Error{Code::kInvalid, str("--bind ", printable(text), ": ", why, "; write SOURCE:DESTINATION or …:ro")};
  };
  std::string rest = text;
  ThrowawayBind bind;
  if (rest.ends_with(":ro")) bind.read_only = true, rest.resize(rest.size() - 3);
  const size_t colon = rest.rfind(':');
  if (colon == std::string::npos) return bad("it has no colon");
  bind.source = std::filesystem::absolute(rest.substr(0, colon)).string();
  bind.destination = rest.substr(colon + 1);
  if (bind.destination == "/" || !parse_absolute_path(bind.destination))
    return bad("the destination is not an absolute path in shortest form");
  return bind;
}

Status run(const Options& options, Io& io) {
  ThrowawayOptions tree;
  tree.mount = TRY(mount_words(options, TRY(snapshot_id(options, io))));
  tree.words = options.words;
  for (const std::string& bind : options.binds) tree.binds.push_back(TRY(parse_bind(bind)));
  if (!options.keep.empty()) {
    TRY(make_directories(options.keep));
    tree.keep = std::filesystem::canonical(options.keep).string();
  }
  io.out.flush();
  const int status = TRY_WITHIN("cannot open a shell", run_in_throwaway_tree(tree));
  if (status != 0) std::exit(status);  // the command's own
  return Done{};
}

Action define(CLI::App& app) {
  const auto options = std::make_shared<Options>();
  add_reading_options(app, options->reading);
  app.add_option("-s,--snapshot", options->snapshot, "a branch, tag, snapshot id, main@DATE or main~N")
      ->default_val("main");
  accept_repository_option(app, options->reading.where, options->snapshot);
  app.add_option("COMMAND", options->words, "what to run instead of a shell, after --");
  app.add_option("--bind", options->binds, "SOURCE:DESTINATION[:ro]: show a file or directory of this machine in there")
      ->allow_extra_args(false);
  app.add_option("--keep", options->keep, "a directory that keeps what is written, for the next time");
  app.add_option("--cache", options->cache, "as `granary mount`");
  return [options](Io& io) { return run(*options, io); };
}
}  // namespace

const Command kShellCommand{
    "shell", "open a shell in a snapshot; what it changes is thrown away",
    "The snapshot is mounted under an overlay in namespaces of its own: everything can be changed, nothing lasts, and "
    "nothing is left on this machine, even when the shell is killed. The network is this machine's. Ordinary users are "
    "root in there, in a user namespace, and see files of other owners as nobody's. The exit status is the command's.",
    "granary shell /srv/sw\n"
    "granary shell /srv/sw --snapshot v1.2 -- apt-get -s upgrade\n"
    "granary shell /srv/sw --bind $PWD:/shown --keep /var/tmp/tries\n"
    "granary shell https://sw.example.org --trust sw.trust -- cat /etc/os-release",
    define};

}  // namespace granary
