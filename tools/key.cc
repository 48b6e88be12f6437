// `key`: who may sign what. Every change makes a new root, signed by root keys: at once when they are at hand, or by
// way of a proposal that their keepers sign elsewhere.
#include <algorithm>
#include <filesystem>

#include "fs/base/file.h"
#include "fs/format/paths.h"
#include "server/root_change.h"
#include "tools/command.h"
#include "tools/commands.h"
#include "tools/key_text.h"
#include "tools/subcommand.h"

namespace granary {

namespace {
using RootEdit = std::function<Status(Root&)>;

// ---- what all changes have in common

struct ChangeOptions {
  std::string repository;
  std::string root_keys;  // a directory of root keys, or one key; the repository's own when empty
  std::string proposal;   // write the new root there instead of putting it into force
  bool json = false;
};

void add_change_options(CLI::App& app, ChangeOptions& options) {
  app.add_option("DIR", options.repository, "the repository")->required();
  app.add_option("--root-keys", options.root_keys, "where root keys are: a directory, or one key (default: KEYS/root)");
  app.add_option("--proposal", options.proposal,
                 "write the new root to this file, to be signed elsewhere, and change nothing yet");
  app.add_flag("--json", options.json, "print a JSON object");
}

// Those that are at hand; none is no error: others may sign.
Result<Signers> root_signers(const ChangeOptions& options, const KeyDirectory& keys) {
  const std::string place = options.root_keys.empty() ? keys.root_path() : options.root_keys;
  if (std::filesystem::is_directory(place)) {
    Result<Signers> found = load_keys(place, "");
    if (!found && found.error().code == Code::kNotFound) return Signers();
    return found;
  }
  if (options.root_keys.empty()) return Signers();
  Signers one;
  one.push_back(TRY(load_key(place)));
  return one;
}

Status print_applied(const AppliedRoot& applied, const std::vector<std::string>& retired, bool json, Io& io) {
  OrderedJson anew = OrderedJson::array();
  for (const Statement& statement : applied.signed_anew)
    anew.push_back(
        {{"kind", name_of(statement.kind)}, {"name", statement.name}, {"snapshot", statement.snapshot.hex()}});
  OrderedJson lost = OrderedJson::array();
  for (const ProfileNote& note : applied.lost_profiles)
    lost.push_back({{"profile", note.name}, {"snapshot", note.snapshot.hex()}});
  if (json) {
    print_json(io, {{"root_version", applied.root.version},
                    {"revision", applied.revision},
                    {"signed_anew", anew},
                    {"lost_profiles", lost},
                    {"retired", retired}});
    return Done{};
  }
  io.out << "root " << applied.root.version << " is in force from revision " << applied.revision << " on\n";
  for (const Statement& statement : applied.signed_anew)
    io.out << "  signed anew: " << describe(statement) << ", snapshot " << statement.snapshot.brief() << " of "
           << format_utc(statement.time) << "\n";
  for (const ProfileNote& note : applied.lost_profiles)
    io.out << "  no longer believed: profile " << note.name << " of snapshot " << note.snapshot.brief()
           << "; attach it anew\n";
  for (const std::string& path : retired) io.out << "  retired: " << path << "\n";
  return Done{};
}

Status put_into_force(Repository& repository, const Root& before, const Envelope& proposal, bool json, Io& io) {
  const AppliedRoot applied = TRY(apply_root(repository, proposal));
  const auto retired = TRY(retire_keys(KeyDirectory(repository.keys_directory()), before, applied.root));
  return print_applied(applied, retired, json, io);
}

Status write_proposal(const ChangeOptions& options, const Envelope& proposal, const MissingSignatures& missing,
                      Io& io) {
  if (exists(options.proposal))
    return Error{Code::kConflict, printable(options.proposal) + " exists already; name another file, or remove it"};
  TRY(replace_file(options.proposal, proposal.serialise() + "\n", 0644, Durability::kDurable));
  if (options.json) {
    print_json(io, {{"proposal", options.proposal},
                    {"missing_of_current", missing.of_current},
                    {"missing_of_proposed", missing.of_proposed}});
    return Done{};
  }
  io.out << "wrote " << options.proposal << "; it needs " << missing.of_current
         << " more signatures by present root keys, " << missing.of_proposed << " by its own\n"
         << "next: granary sign " << options.proposal << " --key KEY; granary key apply " << options.repository << " "
         << options.proposal << "\n";
  return Done{};
}

// Makes the next root by `edit`, signs it with the root keys at hand, and puts it into force or writes it down.
Status change_root(const ChangeOptions& options, Repository& repository, const RootEdit& edit, Io& io) {
  const RepositoryState now = TRY(repository.read());
  Envelope proposal = TRY(propose_root(now.root, Clock::system().now(), edit));
  const Signers signers = TRY(root_signers(options, KeyDirectory(repository.keys_directory())));
  TRY(sign_proposal(now.root, proposal, signers));
  const MissingSignatures missing = TRY(missing_signatures(now.root, proposal));
  if (!options.proposal.empty()) return write_proposal(options, proposal, missing, io);
  if (!missing.none())
    return Error{Code::kUntrusted,
                 str("a change of keys needs root keys: ", missing.of_current, " more of root ", now.root.version, ", ",
                     missing.of_proposed,
                     " more of the new one; give them with --root-keys, or write the change to a file with "
                     "--proposal and have it signed where they are")};
  return put_into_force(repository, now.root, proposal, options.json, io);
}

// ---- list

struct ListOptions {
  std::string repository;
  bool json = false;
};

OrderedJson key_json(const Root& root, const RoleKey& key) {
  OrderedJson out{{"id", key.id.hex()},
                  {"algorithm", root.keys.at(key.id).algorithm()},
                  {"public", to_base64(root.keys.at(key.id).raw())}};
  if (key.branches) out["branches"] = *key.branches;
  if (key.paths) {
    out["paths"] = OrderedJson::array();
    for (const Bytes& path : *key.paths) out["paths"].push_back("/" + path);
  }
  return out;
}

Status run_list(const ListOptions& options, Io& io) {
  const std::string context = "cannot list the keys of " + printable(options.repository);
  const auto repository = TRY_WITHIN(context, Repository::open(options.repository));
  const Root root = TRY_WITHIN(context, repository->read()).root;
  if (!options.json) {
    io.out << describe_root(root);
    return Done{};
  }
  OrderedJson roles;
  for (const RoleName name : kAllRoles) {
    OrderedJson keys = OrderedJson::array();
    for (const RoleKey& key : root.role(name).keys) keys.push_back(key_json(root, key));
    roles[name_of(name)] = {{"threshold", root.role(name).threshold}, {"keys", keys}};
  }
  print_json(io, {{"repository", root.repository},
                  {"name", root.name},
                  {"root_version", root.version},
                  {"time", format_utc(root.time)},
                  {"minimum_revision", root.minimum_revision},
                  {"roles", roles}});
  return Done{};
}

Action define_list(CLI::App& app) {
  const auto options = std::make_shared<ListOptions>();
  app.add_option("DIR", options->repository, "the repository")->required();
  app.add_flag("--json", options->json, "print a JSON object");
  return [options](Io& io) { return run_list(*options, io); };
}

// ---- new

struct NewOptions {
  std::string path;
  bool passphrase = false;
  bool json = false;
};

Status run_new(const NewOptions& options, Io& io) {
  const Secret passphrase = options.passphrase ? TRY(ask_new_passphrase("key " + printable(options.path))) : Secret();
  const PublicKey key = TRY_WITHIN("cannot make a key", create_key(options.path, passphrase));
  if (options.json) {
    print_json(io, {{"key", options.path}, {"id", key.id().hex()}, {"public", to_base64(key.raw())}});
    return Done{};
  }
  io.out << "made key " << key.id() << "\n";
  return Done{};
}

Action define_new(CLI::App& app) {
  const auto options = std::make_shared<NewOptions>();
  app.add_option("FILE", options->path,
                 "the private key's file, such as alice.key; the public half is written beside it")
      ->required();
  app.add_flag("--passphrase", options->passphrase, "encrypt it with a passphrase");
  app.add_flag("--json", options->json, "print a JSON object");
  return [options](Io& io) { return run_new(*options, io); };
}

// ---- add

struct AddOptions {
  ChangeOptions change;
  std::string role;
  std::string key;
  std::vector<std::string> branches;
  std::vector<std::string> paths;
  uint64_t threshold = 0;  // 0: as it is
};

Result<KeyLimits> limits_of(const AddOptions& options) {
  KeyLimits limits;
  if (!options.branches.empty()) limits.branches = options.branches;
  if (!options.paths.empty()) limits.paths.emplace();
  for (const std::string& path : options.paths) limits.paths->push_back(TRY(parse_absolute_path(path)));
  return limits;
}

Status run_add(const AddOptions& options, Io& io) {
  const std::string context = "cannot add a key to " + printable(options.change.repository);
  const RoleName role = TRY_WITHIN(context, parse_role_name(options.role));
  const PublicKey key = TRY_WITHIN(context, load_public_key(options.key));
  const KeyLimits limits = TRY_WITHIN(context, limits_of(options));
  const auto repository = TRY_WITHIN(context, Repository::open(options.change.repository));
  const auto edit = [&](Root& root) -> Status {
    TRY(add_key(root, role, key, limits));
    return options.threshold == 0 ? Status(Done{}) : set_threshold(root, role, options.threshold);
  };
  TRY_WITHIN(context, change_root(options.change, *repository, edit, io));
  return Done{};
}

Action define_add(CLI::App& app) {
  const auto options = std::make_shared<AddOptions>();
  add_change_options(app, options->change);
  app.add_option("ROLE", options->role, "root, release or timestamp")->required();
  app.add_option("PUBLIC_KEY", options->key, "a .pub file, or a key command")->required();
  app.add_option("--branch", options->branches, "limit a release key to this branch; may be repeated");
  app.add_option("--path", options->paths, "limit a release key to what is below this path; may be repeated");
  app.add_option("--threshold", options->threshold, "and set how many keys of the role must sign")
      ->check(CLI::Range(1, 64));
  return [options](Io& io) { return run_add(*options, io); };
}

// ---- revoke

struct RevokeOptions {
  ChangeOptions change;
  std::string key;
  std::string role;  // every role when empty
  uint64_t threshold = 0;
};

Status run_revoke(const RevokeOptions& options, Io& io) {
  const std::string context = "cannot revoke a key of " + printable(options.change.repository);
  std::optional<RoleName> role;
  if (!options.role.empty()) role = TRY_WITHIN(context, parse_role_name(options.role));
  const auto repository = TRY_WITHIN(context, Repository::open(options.change.repository));
  const auto edit = [&](Root& root) -> Status {
    const KeyId id = TRY(find_key(root, options.key));
    if (options.threshold != 0 && !role) return Error{Code::kInvalid, "--threshold needs --role"};
    if (options.threshold != 0) TRY(set_threshold(root, *role, options.threshold));
    return revoke_key(root, id, role);
  };
  TRY_WITHIN(context, change_root(options.change, *repository, edit, io));
  return Done{};
}

Action define_revoke(CLI::App& app) {
  const auto options = std::make_shared<RevokeOptions>();
  add_change_options(app, options->change);
  app.add_option("KEY", options->key, "the start of the key's id, as `key list` shows it")->required();
  app.add_option("--role", options->role, "take it out of this role only");
  app.add_option("--threshold", options->threshold, "and set how many keys of the role must sign")
      ->check(CLI::Range(1, 64));
  return [options](Io& io) { return run_revoke(*options, io); };
}

// ---- rotate

struct RotateOptions {
  ChangeOptions change;
  std::string role;
  std::string old_key;  // may be empty when the role has one
  std::string new_key;  // public half; a new one is made when empty
  bool passphrase = false;
};

Result<KeyId> key_to_replace(const Root& root, RoleName role, const std::string& prefix) {
  if (!prefix.empty()) return find_key(root, prefix);
  const auto& keys = root.role(role).keys;
  if (keys.size() == 1) return keys.front().id;
  return Error{Code::kInvalid, str("role ", name_of(role), " has ", keys.size(), " keys: say which one with --key")};
}

// KEYS/release-2.key, or the first number that is free.
std::string new_key_path(const KeyDirectory& keys, RoleName role) {
  const std::string directory = role == RoleName::kRoot ? keys.root_path() : keys.path();
  for (unsigned number = 2;; ++number) {
    const std::string stem = str(directory, "/", name_of(role), "-", number);
    if (!exists(stem + ".key") && !exists(stem + ".pub")) return stem + ".key";
  }
}

Result<PublicKey> replacement(const RotateOptions& options, const KeyDirectory& keys, RoleName role, Io& io) {
  if (!options.new_key.empty()) return load_public_key(options.new_key);
  const std::string path = new_key_path(keys, role);
  TRY(make_directories(std::filesystem::path(path).parent_path(), 0700));
  const Secret passphrase = options.passphrase ? TRY(ask_new_passphrase("key " + printable(path))) : Secret();
  PublicKey key = TRY(create_key(path, passphrase));
  io.err << "made key " << path << "\n";
  return key;
}

Status run_rotate(const RotateOptions& options, Io& io) {
  const std::string context = "cannot rotate a key of " + printable(options.change.repository);
  const RoleName role = TRY_WITHIN(context, parse_role_name(options.role));
  const auto repository = TRY_WITHIN(context, Repository::open(options.change.repository));
  const Root current = TRY_WITHIN(context, repository->read()).root;
  const KeyId old_id = TRY_WITHIN(context, key_to_replace(current, role, options.old_key));
  const PublicKey key = TRY_WITHIN(context, replacement(options, KeyDirectory(repository->keys_directory()), role, io));
  const auto edit = [&](Root& root) { return rotate_key(root, role, old_id, key); };
  TRY_WITHIN(context, change_root(options.change, *repository, edit, io));
  return Done{};
}

Action define_rotate(CLI::App& app) {
  const auto options = std::make_shared<RotateOptions>();
  add_change_options(app, options->change);
  app.add_option("ROLE", options->role, "root, release or timestamp")->required();
  app.add_option("--key", options->old_key, "which one, when the role has several: the start of its id");
  app.add_option("--new", options->new_key,
                 "the public half of the new key (default: one is made in the key directory)");
  app.add_flag("--passphrase", options->passphrase, "encrypt the key that is made");
  return [options](Io& io) { return run_rotate(*options, io); };
}

// ---- apply

struct ApplyOptions {
  std::string repository;
  std::string proposal;
  bool json = false;
};

Status run_apply(const ApplyOptions& options, Io& io) {
  const std::string context = str("cannot put ", printable(options.proposal), " into force");
  const Bytes text = TRY_WITHIN(context, read_file(options.proposal, kMaxDocumentBytes));
  const Envelope proposal = TRY_WITHIN(context, Envelope::parse(text));
  const auto repository = TRY_WITHIN(context, Repository::open(options.repository));
  const Root before = TRY_WITHIN(context, repository->read()).root;
  TRY_WITHIN(context, put_into_force(*repository, before, proposal, options.json, io));
  return Done{};
}

Action define_apply(CLI::App& app) {
  const auto options = std::make_shared<ApplyOptions>();
  app.add_option("DIR", options->repository, "the repository")->required();
  app.add_option("PROPOSAL", options->proposal, "a proposed root that enough root keys have signed")->required();
  app.add_flag("--json", options->json, "print a JSON object");
  return [options](Io& io) { return run_apply(*options, io); };
}

// ----

constexpr Subcommand kSubcommands[] = {
    {"list", "show who may sign what", define_list},       {"new", "make a key pair in a file", define_new},
    {"add", "give a role another key", define_add},        {"revoke", "take a key out of its roles", define_revoke},
    {"rotate", "replace a key by another", define_rotate}, {"apply", "put a signed proposal into force", define_apply},
};

Action define(CLI::App& app) { return define_subcommands(app, kSubcommands); }
}  // namespace

const Command kKeyCommand{
    "key", "list, make, add, revoke and rotate keys",
    "Who may sign what stands in the root document. Every change makes a new root, signed by the present root keys and "
    "by "
    "the new ones, each by their threshold. When the root keys are here (KEYS/root, or --root-keys), the change takes "
    "force at "
    "once; otherwise --proposal writes it to a file, which their keepers sign with `granary sign` and `key apply` puts "
    "into "
    "force. Branches and tags whose keys are gone are signed anew and listed. docs/security.md tells the ceremony.",
    "granary key list /srv/sw\n"
    "granary key add /srv/sw release alice.pub --branch test --path /opt/alice\n"
    "granary key rotate /srv/sw release --root-keys /media/safe\n"
    "granary key revoke /srv/sw 3f2a91c0 --proposal root-2.json\n"
    "granary key apply /srv/sw root-2.json",
    define};

}  // namespace granary
