#include "server/history.h"

#include <algorithm>

namespace granary {

namespace {
// The statement itself, and what it rests on when its signers are limited to paths.
Status add_name(const std::string& what, const Envelope& envelope, bool with_history, std::vector<KeptName>& out) {
  const Statement statement = TRY_WITHIN(what, Statement::parse(envelope.payload));
  out.push_back({what, with_history ? statement.branch : std::string(), statement});
  for (std::optional<Envelope> base = statement.base; base;) {
    const Statement older = TRY_WITHIN("the base of " + what, Statement::parse(base->payload));
    out.push_back({"the base of " + what, {}, older});
    base = older.base;
  }
  return Done{};
}
}  // namespace

Result<std::vector<KeptName>> kept_names(const Record& record, const Names& names) {
  std::vector<KeptName> out;
  for (const auto& [name, envelope] : record.branches) TRY(add_name("branch " + name, envelope, true, out));
  for (const auto& [name, envelope] : names.tags) TRY(add_name("tag " + name, envelope, false, out));
  return out;
}

void add_retentions(const Names& names, LogSurvey& survey) {
  for (const auto& [branch, retention] : names.retention) {
    auto& known = survey.retentions[branch];
    if (std::find(known.begin(), known.end(), retention) == known.end()) known.push_back(retention);
  }
}

Status survey_log(const Record& head, uint64_t until, const FetchRecord& fetch, ObjectReader& objects,
                  LogSurvey& survey) {
  Record record = head;
  for (;;) {
    if (survey.names.insert(record.names).second) {
      const std::string what = str("the names of record ", record.revision);
      add_retentions(TRY_WITHIN(what, Names::parse(*TRY_WITHIN(what, objects.read(record.names)))), survey);
    }
    if (record.revision <= until + 1 || !record.previous) return Done{};
    const std::string what = str("log record ", record.revision - 1);
    const Envelope envelope = TRY_WITHIN(what, Envelope::parse(TRY_WITHIN(what, fetch(record.revision - 1))));
    if (envelope.digest() != *record.previous)
      return Error{Code::kCorrupt, what + " is not the one that its successor names"};
    record = TRY_WITHIN(what, Record::parse(envelope.payload));
  }
}

std::vector<ObjectId> profile_objects(const Root& root, const Names& names, const SnapshotId& snapshot) {
  std::vector<ObjectId> objects;
  for (const auto& [name, profile] : profiles_of(root, names, snapshot).by_name) {
    objects.push_back(profile.note.plan);
    objects.push_back(profile.note.trace);
  }
  return objects;
}

bool History::lets_go(const Retention& retention, const Step& step) const {
  if (retention.effective > now_ || step.generation == 0) return false;
  if (retention.keep_last) return step.generation >= *retention.keep_last;
  return retention.keep_seconds && step.until < now_ - static_cast<UnixSeconds>(*retention.keep_seconds);
}

Status History::add(const KeptName& name, const Names& names, const LogSurvey& survey, const Failed& failed) {
  const auto current = names.retention.find(name.branch);
  const auto past = survey.retentions.find(name.branch);
  const auto was_let_go = [&](const Step& step) {
    return past != survey.retentions.end() && std::any_of(past->second.begin(), past->second.end(),
                                                          [&](const Retention& each) { return lets_go(each, step); });
  };
  std::set<SnapshotId>& visited = visited_[name.what];
  std::vector<Step> pending{{name.statement.snapshot, 0, now_}};
  while (!pending.empty()) {
    const Step step = pending.back();
    pending.pop_back();
    if (current != names.retention.end() && lets_go(current->second, step)) continue;
    if (!visited.insert(step.id).second) continue;
    auto known = found_.find(step.id);
    if (known == found_.end()) {
      const auto object = objects_.read(step.id);
      auto snapshot = object ? Snapshot::parse(**object) : object.error();
      if (!snapshot && snapshot.error().code == Code::kNotFound && was_let_go(step)) continue;
      if (!snapshot) {
        TRY(failed(step.id, name.what, snapshot.error()));
        continue;
      }
      known = found_.emplace(step.id, Found{*std::move(snapshot), {}}).first;
    }
    known->second.names.push_back(name.what);
    if (name.branch.empty()) continue;
    for (const SnapshotId& parent : known->second.snapshot.parents)
      pending.push_back({parent, step.generation + 1, known->second.snapshot.time});
  }
  return Done{};
}

Result<std::vector<Slice>> slices_of(Catalog& catalog, const Entry& file) {
  if (!file.slices_elsewhere) return file.slices;
  std::vector<Slice> slices;
  for (const auto& placed : TRY(catalog.slices(file, 0, file.node.size_bytes))) slices.push_back(placed.slice);
  return slices;
}

Status each_slice(Catalog& catalog, const std::function<void(const Entry&, const Slice&)>& visit) {
  Status outcome = Done{};
  const Status scanned = catalog.scan([&](Entry&& entry) {
    if (!entry.node.is_file()) return true;
    const auto slices = slices_of(catalog, entry);
    if (!slices) {
      outcome = slices.error();
      return false;
    }
    for (const Slice& slice : *slices) {
      if (!slice.is_hole()) visit(entry, slice);
    }
    return true;
  });
  return outcome ? scanned : outcome;
}

}  // namespace granary
