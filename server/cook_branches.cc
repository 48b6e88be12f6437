#include "server/cook_branches.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "fs/format/identifiers.h"
#include "server/history.h"

namespace granary {

namespace {
constexpr std::string_view kLayers = "cook/layer/";
constexpr std::string_view kEvidence = "cook/evidence/";
constexpr int64_t kInUseSeconds = 3600;

// What stands behind the prefix, when it is a digest.
std::optional<Digest> digest_after(std::string_view prefix, std::string_view name) {
  if (!name.starts_with(prefix)) return {};
  const auto digest = Digest::parse(name.substr(prefix.size()));
  return digest ? std::optional(*digest) : std::nullopt;
}

UnixSeconds last_use(const Repository& repository, const Digest& key, UnixSeconds made) {
  struct stat info {};
  if (::stat(cook_layer_note(repository, key).c_str(), &info) != 0) return made;
  return std::max<UnixSeconds>(made, info.st_mtim.tv_sec);
}

// All snapshots that are kept by something that is not there for their sake.
Result<std::set<SnapshotId>> kept_snapshots(Repository& repository, const RepositoryState& now, UnixSeconds time) {
  History history(repository.objects(), time);
  const auto go_on = [](const SnapshotId&, const std::string&, const Error&) -> Status { return Done{}; };
  for (const KeptName& name : TRY(kept_names(now.record, now.names))) {
    if (is_cook_branch(name.branch)) continue;
    TRY(history.add(name, now.names, {}, go_on));
  }
  std::set<SnapshotId> kept;
  for (const auto& [id, found] : history.found()) kept.insert(id);
  return kept;
}

struct Victims {
  std::vector<std::string> branches;
  std::vector<Digest> layers;
  EvictedCooks counts;
};

Result<Victims> choose_victims(Repository& repository, const RepositoryState& now, int64_t older_seconds,
                               UnixSeconds time) {
  Victims victims;
  std::optional<std::set<SnapshotId>> kept;  // looked up when there is evidence at all
  for (const auto& [name, envelope] : now.record.branches) {
    if (const auto key = digest_after(kLayers, name)) {
      const UnixSeconds used = last_use(repository, *key, TRY(Statement::parse(envelope.payload)).time);
      if (used > time - std::max(older_seconds, kInUseSeconds)) continue;
      victims.branches.push_back(name);
      victims.layers.push_back(*key);
      ++victims.counts.layers;
    } else if (const auto snapshot = digest_after(kEvidence, name)) {
      if (!kept) kept = TRY(kept_snapshots(repository, now, time));
      if (kept->contains(*snapshot)) continue;
      victims.branches.push_back(name);
      ++victims.counts.evidence;
    }
  }
  return victims;
}
}  // namespace

std::string cook_layer_branch(const Digest& key) { return str(kLayers, key.hex()); }
std::string cook_evidence_branch(const SnapshotId& snapshot) { return str(kEvidence, snapshot.hex()); }

std::string cook_layer_note(const Repository& repository, const Digest& key) {
  return repository.private_path("cook/layers/" + key.hex());
}

Result<EvictedCooks> evict_cook_branches(Repository& repository, int64_t older_seconds, bool dry_run,
                                         const Clock& clock) {
  const UnixSeconds time = clock.now();
  Victims victims = TRY(choose_victims(repository, TRY(repository.read()), older_seconds, time));
  if (dry_run || victims.branches.empty()) return victims.counts;
  TRY(repository.commit([&](const RepositoryState& now, Repository::Draft& draft) -> Status {
    victims = TRY(choose_victims(repository, now, older_seconds, time));  // somebody may have used one meanwhile
    for (const std::string& branch : victims.branches) {
      draft.next.branches.erase(branch);
      draft.names.retention.erase(branch);
    }
    draft.next.action = {{"do", "evict-cooks"},
                         {"layers", static_cast<int64_t>(victims.counts.layers)},
                         {"evidence", static_cast<int64_t>(victims.counts.evidence)}};
    return Done{};
  }));
  for (const Digest& key : victims.layers) ::unlink(cook_layer_note(repository, key).c_str());
  return victims.counts;
}

}  // namespace granary
