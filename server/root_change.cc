#include "server/root_change.h"

#include <algorithm>
#include <cerrno>
#include <filesystem>

#include "fs/base/file.h"

namespace granary {

namespace {
Status check_complete(const Root& current, const Envelope& proposal) {
  const MissingSignatures missing = TRY(missing_signatures(current, proposal));
  if (missing.none()) return Done{};
  return Error{Code::kUntrusted, str("root ", current.version + 1, " lacks signatures: ", missing.of_current,
                                     " by root keys of root ", current.version, ", ", missing.of_proposed,
                                     " by its own; sign it with `granary sign FILE --key KEY`")};
}

// Signs anew what `root` would not believe. Keys without limits say it from now on: there is no base.
Status sign_anew(std::map<std::string, Envelope>& names, Statement::Kind kind, uint64_t revision, HeadWriter& writer,
                 std::vector<Statement>& signed_anew) {
  for (auto& [name, envelope] : names) {
    if (verify_statement(envelope, writer.root(), kind, name)) continue;
    Statement statement = TRY(Statement::parse(envelope.payload));
    statement.sequence = revision;
    envelope = TRY_WITHIN(str("cannot sign ", describe(statement), " anew, which the new root would not believe"),
                          writer.sign_statement(statement, std::nullopt));
    signed_anew.push_back(std::move(statement));
  }
  return Done{};
}

std::vector<ProfileNote> lost_profiles(const Root& before, const Root& root, const Names& names) {
  std::vector<ProfileNote> lost;
  for (const auto& [id, notes] : names.notes) {
    const Profiles still = profiles_of(root, names, id);
    for (const auto& [name, profile] : profiles_of(before, names, id).by_name) {
      if (!still.by_name.contains(name)) lost.push_back(profile.note);
    }
  }
  return lost;
}

bool is_named_by(const Root& root, const KeyId& id) {
  return std::any_of(std::begin(kAllRoles), std::end(kAllRoles),
                     [&](RoleName role) { return root.role(role).find(id) != nullptr; });
}

// The public half that lies beside a private key, or in it when it is a key command.
Result<PublicKey> public_half_of(const std::filesystem::path& path) {
  std::filesystem::path beside = path;
  beside.replace_extension(".pub");
  return load_public_key(exists(beside) ? beside : path);
}
}  // namespace

Result<AppliedRoot> apply_root(Repository& repository, const Envelope& proposal) {
  AppliedRoot applied;
  const RepositoryState state =
      TRY(repository.commit([&](const RepositoryState& now, Repository::Draft& draft) -> Status {
        TRY(check_complete(now.root, proposal));
        const Root root = TRY(verify_successor(now.root, proposal));
        const KeyDirectory keys(repository.keys_directory());
        const Signers release = TRY(keys.load_release());
        const Signers none;
        HeadWriter writer(root, release, none);
        TRY(sign_anew(draft.next.branches, Statement::Kind::kBranch, draft.next.revision, writer, applied.signed_anew));
        TRY(sign_anew(draft.names.tags, Statement::Kind::kTag, draft.next.revision, writer, applied.signed_anew));
        applied.lost_profiles = lost_profiles(now.root, root, now.names);
        draft.roots.push_back(proposal);
        draft.next.action = {{"do", "rotate"}, {"root", root.version}};
        return Done{};
      }));
  applied.root = state.root;
  applied.revision = state.record.revision;
  return applied;
}

Result<std::vector<std::string>> retire_keys(const KeyDirectory& keys, const Root& before, const Root& root) {
  std::vector<std::string> retired;
  const std::string place = keys.path() + "/retired";
  for (const std::string& directory : {keys.path(), keys.root_path()}) {
    std::error_code failure;
    for (const auto& file : std::filesystem::directory_iterator(directory, failure)) {
      if (file.path().extension() != ".key") continue;
      const Result<PublicKey> key = public_half_of(file.path());
      if (!key || !is_named_by(before, key->id()) || is_named_by(root, key->id())) continue;
      TRY(make_directories(place, 0700));
      const std::string to = str(place, "/", file.path().filename().string(), ".", key->id().brief());
      if (::rename(file.path().c_str(), to.c_str()) != 0)
        return system_error(errno, str("cannot move ", printable(file.path().string()), " to ", printable(to)));
      retired.push_back(file.path());
    }
  }
  return retired;
}

}  // namespace granary
