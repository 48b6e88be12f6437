// `transaction`: edit a branch in place, then publish what was touched.
#include "server/transaction.h"

#include <filesystem>

#include "tools/command.h"
#include "tools/commands.h"
#include "tools/format.h"
#include "tools/programs.h"
#include "tools/published.h"

namespace granary {

namespace {
struct Options {
  std::string repository;
  TransactionOptions begin;
  PublishOptions publish;
  std::string id;
  bool json = false;
  enum class Verb { kBegin, kCommit, kAbort, kList } verb = Verb::kList;
};

// The one that was meant: by its id, else by mount point, else the only one.
Result<Transaction> find(Repository& repository, const std::string& which) {
  std::vector<Transaction> open = TRY(Transaction::list(repository));
  if (open.empty())
    return Error{Code::kNotFound, "there is no open transaction: `granary transaction begin` begins one"};
  if (which.empty() && open.size() == 1) return open.front();
  const std::string path = std::filesystem::absolute(which).lexically_normal().string();
  std::string known;
  for (Transaction& transaction : open) {
    if (!which.empty() && (transaction.id() == which || transaction.mountpoint() == path)) return transaction;
    known +=
        str("\n  ", transaction.id(), "  on ", printable(transaction.mountpoint()), "  branch ", transaction.branch());
  }
  return Error{Code::kNotFound, (which.empty() ? "several transactions are open, name one by id or mount point:"
                                               : "no such transaction; open are:") +
                                    known};
}

Status begin(const Options& options, Io& io) {
  const auto repository = TRY(Repository::open(options.repository));
  TransactionOptions how = options.begin;
  how.mount_program = TRY(find_program("granary-mount"));
  const Transaction transaction = TRY(Transaction::begin(*repository, how));
  if (options.json) {
    print_json(io, {{"transaction", transaction.id()},
                    {"mountpoint", transaction.mountpoint()},
                    {"branch", transaction.branch()},
                    {"base", transaction.base().hex()}});
  } else {
    io.out << "edit branch " << transaction.branch() << " in " << transaction.mountpoint()
           << ", then: granary transaction commit " << options.repository << "\n";
  }
  return Done{};
}

Status commit(const Options& options, Io& io) {
  const auto repository = TRY(Repository::open(options.repository));
  Transaction transaction = TRY(find(*repository, options.id));
  const Published published =
      TRY_WITHIN("cannot commit transaction " + transaction.id(),
                 transaction.commit(*repository, options.publish, TRY(find_program("granary-mount"))));
  if (options.json) {
    print_json(io, published_json(published));
  } else if (!published.changed) {
    io.out << "nothing was changed; the transaction is over\n";
  } else {
    io.out << "published snapshot " << published.snapshot.brief() << " on branch " << published.branch << ", revision "
           << published.revision << ": " << human_count(published.changes) << " paths, "
           << human_bytes(published.new_bytes) << " new\n";
    print_carried(published.profiles, io);
  }
  return Done{};
}

Status abort(const Options& options, Io& io) {
  const auto repository = TRY(Repository::open(options.repository));
  Transaction transaction = TRY(find(*repository, options.id));
  const std::string id = transaction.id();
  TRY_WITHIN("cannot abort transaction " + id, transaction.abort());
  if (options.json) print_json(io, {{"transaction", id}, {"aborted", true}});
  if (!options.json)
    io.out << "transaction " << id << " is forgotten, branch " << transaction.branch() << " is as it was\n";
  return Done{};
}

Status list(const Options& options, Io& io) {
  const auto repository = TRY(Repository::open(options.repository));
  for (const Transaction& transaction : TRY(Transaction::list(*repository))) {
    if (options.json) {
      print_json(io, {{"transaction", transaction.id()},
                      {"mountpoint", transaction.mountpoint()},
                      {"branch", transaction.branch()},
                      {"base", transaction.base().hex()}});
    } else {
      io.out << transaction.id() << "  " << printable(transaction.mountpoint()) << "  branch " << transaction.branch()
             << "  on snapshot " << transaction.base().brief() << "\n";
    }
  }
  return Done{};
}

Status run(const Options& options, Io& io) {
  switch (options.verb) {
    case Options::Verb::kBegin: return begin(options, io);
    case Options::Verb::kCommit: return commit(options, io);
    case Options::Verb::kAbort: return abort(options, io);
    case Options::Verb::kList: return list(options, io);
  }
  return Done{};
}

CLI::App* add_verb(CLI::App& app, Options& options, Options::Verb verb, const char* name, const char* summary) {
  CLI::App* sub = app.add_subcommand(name, summary);
  sub->add_option("DIR", options.repository, "the repository")->required();
  sub->add_flag("--json", options.json, "print the result as JSON");
  sub->parse_complete_callback([&options, verb] { options.verb = verb; });
  return sub;
}

Action define(CLI::App& app) {
  const auto options = std::make_shared<Options>();
  app.require_subcommand(1);
  CLI::App* sub = add_verb(app, *options, Options::Verb::kBegin, "begin", "mount a branch so that it can be edited");
  sub->add_option("MOUNTPOINT", options->begin.mountpoint, "where: an empty directory")->required();
  sub->add_option("-b,--branch", options->begin.branch, "the branch")->default_val("main");
  sub = add_verb(app, *options, Options::Verb::kCommit, "commit", "publish what was changed, and end");
  sub->add_option("TRANSACTION", options->id, "its mount point or id (default: the only one)");
  sub->add_option("-m,--message", options->publish.message, "what is new, for `granary log`");
  sub->add_option("-t,--tag", options->publish.tag, "also name the snapshot so, for ever");
  sub = add_verb(app, *options, Options::Verb::kAbort, "abort", "forget every change, and end");
  sub->add_option("TRANSACTION", options->id, "its mount point or id (default: the only one)");
  add_verb(app, *options, Options::Verb::kList, "list", "show open transactions");
  return [options](Io& io) { return run(*options, io); };
}
}  // namespace

const Command kTransactionCommand{
    "transaction", "edit a branch in place, then publish what was touched",
    "`begin` mounts a branch with a writable layer above it. Edit, install, remove as on any filesystem; `commit` "
    "looks at the layer only and publishes what it holds, `abort` forgets it. Nobody "
    "else is locked out meanwhile: what others published is merged when it touches other paths; otherwise the commit "
    "is refused and the transaction goes on. Needs root.",
    "granary transaction begin /srv/sw /mnt/edit\nchroot /mnt/edit apt-get install -y htop\ngranary transaction commit "
    "/srv/sw --message htop\ngranary transaction abort /srv/sw /mnt/edit",
    define};

}  // namespace granary
