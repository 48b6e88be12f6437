#include "server/repository.h"

#include <filesystem>

#include "fs/base/crash_point.h"
#include "fs/base/file.h"
#include "fs/format/identifiers.h"
#include "fs/format/trust.h"
#include "server/format_document.h"
#include "server/staging.h"

namespace granary {

namespace {
std::string listed(const std::map<std::string, Envelope>& names) {
  std::string text;
  for (const auto& [name, unused] : names) {
    if (!is_cook_branch(name)) text += (text.empty() ? "" : ", ") + name;
  }
  return text.empty() ? "there is none yet" : "there is " + text;
}

Result<Statement> find_statement(const std::map<std::string, Envelope>& names, const char* kind,
                                 const std::string& name) {
  const auto found = names.find(name);
  if (found == names.end())
    return Error{Code::kNotFound, str("there is no ", kind, " \"", printable(name), "\": ", listed(names))};
  return Statement::parse(found->second.payload);
}

Error no_repository(const std::string& directory, const std::string& why) {
  return {Code::kNotARepository,
          str(printable(directory), " is not a Granary repository (", why, "): `granary init` makes one")};
}
}  // namespace

Result<Statement> RepositoryState::branch(const std::string& name) const {
  return find_statement(record.branches, "branch", name);
}
Result<Statement> RepositoryState::tag(const std::string& name) const {
  return find_statement(names.tags, "tag", name);
}

Repository::Repository(std::string directory, TrustFile trust, std::string keys_directory)
    : directory_(std::move(directory)),
      trust_(std::move(trust)),
      keys_directory_(std::move(keys_directory)),
      store_(directory_),
      objects_(store_) {}

Result<std::unique_ptr<Repository>> Repository::open(const std::string& directory) {
  if (!exists(directory)) return no_repository(directory, "it does not exist");
  if (!exists(directory + "/head.json")) return no_repository(directory, "it has no head.json");
  const std::string private_state = directory + "/.granary";
  if (!exists(private_state))
    return no_repository(directory, "its private state .granary is missing: a copy that can only be read");
  if (exists(private_state + "/mirror.json"))
    return Error{Code::kInvalid,
                 printable(directory) + " is a mirror, which has no keys: change the repository that it mirrors"};
  TrustFile trust =
      TRY_WITHIN(str("cannot open repository ", printable(directory)), TrustFile::load(private_state + "/trust.json"));
  Bytes keys =
      TRY_WITHIN(str("cannot open repository ", printable(directory)), read_file(private_state + "/keys", 4096));
  while (!keys.empty() && keys.back() == '\n') keys.pop_back();
  return std::unique_ptr<Repository>(new Repository(directory, std::move(trust), std::move(keys)));
}

Result<RepositoryState> Repository::parse_state(const Bytes& head) {
  Seen seen;
  const TrustPolicy policy{TrustPolicy::Freshness::kArchive, Clock::system().now()};
  const VerifiedHead verified =
      TRY_WITHIN(str("repository ", printable(directory_)), verify_head(head, trust_, policy, seen));
  RepositoryState state{TRY(HeadBundle::parse(head)), verified.root(), verified.record(), verified.record_digest(), {}};
  state.names = TRY(Names::parse(*TRY(objects_.read(state.record.names))));
  return state;
}

Result<RepositoryState> Repository::read() {
  return parse_state(TRY(read_file(directory_ + "/head.json", kMaxHeadBytes)));
}

Result<Snapshot> Repository::snapshot(const SnapshotId& id) {
  const SharedBytes object = TRY_WITHIN(str("snapshot ", id.brief()), objects_.read(id));
  return Snapshot::parse(*object);
}

Result<Bytes> Repository::log_record(uint64_t revision) {
  return read_file(str(directory_, "/log/", revision, ".json"), kMaxDocumentBytes);
}

Result<RepositoryState> Repository::commit(const Edit& edit) {
  const FileLock lock = TRY(FileLock::wait(private_path("commit.lock")));
  const RepositoryState now = TRY(read());
  TRY(finish_log(now));

  const KeyDirectory keys(keys_directory_);
  const Signers release = TRY(keys.load_release());
  const Signers timestamp = TRY(keys.load_timestamp());
  const auto log = [this](uint64_t revision) { return log_record(revision); };
  Draft draft{TRY(successor_of(now.record, now.record_digest, Clock::system().now(), log)),
              now.names,
              now.bundle.roots,
              {},
              {}};
  draft.release = [&](Statement statement) -> Status {
    statement.repository = now.record.repository;
    statement.sequence = draft.next.revision;
    statement.time = draft.next.time;
    auto& names = statement.kind == Statement::Kind::kTag ? draft.names.tags : draft.next.branches;
    const auto current = draft.next.branches.find(statement.branch);  // a tag, too, rests on its branch
    const bool is_first = current == draft.next.branches.end();
    const std::optional<Envelope> base = is_first ? std::nullopt : std::optional(current->second);
    names.insert_or_assign(statement.name,
                           TRY(HeadWriter(now.root, release, timestamp).sign_statement(statement, base)));
    return Done{};
  };
  draft.attach = [&](ProfileNote note) -> Status {
    note.repository = now.record.repository;
    note.time = draft.next.time;
    detach_profiles(draft.names, note.snapshot, note.name);
    draft.names.notes[note.snapshot].push_back(TRY(HeadWriter(now.root, release, timestamp).sign_profile(note)));
    return Done{};
  };
  TRY(edit(now, draft));

  draft.next.names = TRY(store_names(draft.names));
  const Root root = TRY(Root::parse(draft.roots.back().payload));
  draft.next.root_version = root.version;
  const HeadBundle bundle =
      TRY(HeadWriter(root, release, timestamp)
              .make_bundle(draft.roots, draft.next, Clock::system().now(), TRY(validity_of(now.bundle))));
  TRY(write_head(bundle));
  return read();
}

Result<RepositoryState> Repository::renew(std::optional<int64_t> validity_seconds) {
  const FileLock lock = TRY(FileLock::wait(private_path("commit.lock")));
  const RepositoryState now = TRY(read());
  TRY(finish_log(now));
  const Signers none;
  const Signers timestamp = TRY(KeyDirectory(keys_directory_).load_timestamp());
  TRY(write_head(
      TRY(HeadWriter(now.root, none, timestamp).renew(now.bundle, Clock::system().now(), validity_seconds))));
  return read();
}

// A writer that died right after its swap left these to the next one.
Status Repository::finish_log(const RepositoryState& now) {
  const auto finish = [&](const std::string& path, const Envelope& envelope) -> Status {
    if (exists(path)) return Done{};
    return replace_file(path, envelope.serialise(), 0644, Durability::kDurable);
  };
  TRY(finish(str(directory_, "/log/", now.record.revision, ".json"), now.bundle.record));
  for (size_t version = 1; version <= now.bundle.roots.size(); ++version) {
    TRY(finish(str(directory_, "/root/", version, ".json"), now.bundle.roots[version - 1]));
  }
  return Done{};
}

Result<Digest> Repository::store_names(const Names& names) {
  const Bytes plain = names.serialise();
  const auto staging = TRY(Staging::begin(directory_));
  TRY(staging->put(Digest::of(plain), encode_object(plain, {})));
  TRY(staging->commit());
  return Digest::of(plain);
}

// The moment of commit is the rename of head.json; the log follows (docs/format.md, 8).
Status Repository::write_head(const HeadBundle& bundle) {
  const Bytes head = bundle.serialise();
  crash_point("head-before-swap");
  TRY(replace_file(directory_ + "/head.json", head, 0644, Durability::kDurable));
  crash_point("head-after-swap");
  TRY(finish_log(TRY(parse_state(head))));
  crash_point("log-written");
  return Done{};
}

namespace {
Status lay_out(const InitOptions& options, const NewRepository& fresh) {
  const std::string& top = options.directory;
  TRY(make_directories(top + "/objects"));
  TRY(make_directories(top + "/log"));
  TRY(make_directories(top + "/root"));
  TRY(make_directories(top + "/.granary", 0700));
  TRY(replace_file(top + "/.granary/trust.json", fresh.trust.serialise(), 0600, Durability::kDurable));
  TRY(replace_file(top + "/.granary/keys", options.keys_directory + "\n", 0600, Durability::kDurable));
  TRY(replace_file(top + "/format.md", format_document(), 0644, Durability::kDurable));
  return Done{};
}

Status check_empty(const std::string& directory) {
  if (exists(directory + "/head.json"))
    return Error{Code::kInvalid, printable(directory) + " is a Granary repository already"};
  std::error_code failure;
  const bool empty = !exists(directory) || std::filesystem::is_empty(directory, failure);
  if (failure) return system_error(failure.value(), "cannot look into " + printable(directory));
  if (empty) return Done{};
  return Error{Code::kInvalid, printable(directory) + " is not empty: name a new or an empty directory"};
}
}  // namespace

Result<Initialised> init_repository(const InitOptions& options) {
  const std::string context = "cannot make repository " + printable(options.directory);
  TRY_WITHIN(context, check_repository_name(options.name));
  TRY_WITHIN(context, check_empty(options.directory));
  NewRepositoryOptions how;
  how.name = options.name;
  how.keys = options.keys_directory;
  how.root_keys = options.root_keys;
  how.root_threshold = options.root_threshold;
  how.now = Clock::system().now();
  how.validity_seconds = options.validity_seconds;
  how.ask = options.ask;
  TRY_WITHIN(context,
             make_directories(options.directory));  // before any key: a directory we may not make costs nothing
  const NewRepository fresh = TRY_WITHIN(context, create_repository(how));
  TRY_WITHIN(context, lay_out(options, fresh));

  DirStore store(options.directory);
  TRY_WITHIN(context, store.put(Digest::of(fresh.names), encode_object(fresh.names, {})));
  TRY_WITHIN(context, store.sync());
  TRY_WITHIN(context, replace_file(options.directory + "/root/1.json", fresh.head.roots[0].serialise(), 0644,
                                   Durability::kDurable));
  TRY_WITHIN(context,
             replace_file(options.directory + "/head.json", fresh.head.serialise(), 0644, Durability::kDurable));
  TRY_WITHIN(context, replace_file(options.directory + "/log/1.json", fresh.head.record.serialise(), 0644,
                                   Durability::kDurable));
  const std::string trust_path = options.keys_directory + "/" + options.name + ".trust";
  TRY_WITHIN(context, replace_file(trust_path, fresh.trust.serialise(), 0644, Durability::kDurable));
  return Initialised{fresh.trust, trust_path};
}

}  // namespace granary
