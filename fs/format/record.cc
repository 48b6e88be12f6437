// The skip list: record r names r−1, and r−2^k for every k >= 1 such that 2^k divides r. From r one therefore reaches
// any older revision like this: step down by one until the trailing zeros allow a jump, then always take the longest
// jump that does not pass the goal: at most about 2·log2(r) steps.
#include "fs/format/record.h"

#include "fs/format/identifiers.h"

namespace granary {

std::vector<uint64_t> ancestors_of(uint64_t revision) {
  std::vector<uint64_t> out;
  for (uint64_t jump = 2; jump != 0 && jump < revision && revision % jump == 0; jump *= 2)
    out.push_back(revision - jump);
  return out;
}

namespace {
Result<std::map<uint64_t, RecordDigest>> parse_ancestors(const JsonReader& in, uint64_t revision) {
  const JsonReader members = TRY(in.reader("ancestors", "record: ancestors"));
  std::map<uint64_t, RecordDigest> out;
  for (const uint64_t ancestor : ancestors_of(revision)) out[ancestor] = TRY(members.digest(std::to_string(ancestor)));
  if (out.size() != members.members().size())
    return in.wrong("ancestors", "names a revision that does not belong there");
  return out;
}
}  // namespace

Result<Record> Record::parse(ByteView payload) {
  const JsonValue json = TRY(parse_document(payload, kMaxDocumentBytes, kKind,
                                            {"repository", "name", "revision", "previous", "ancestors", "time",
                                             "root_version", "next_inode", "branches", "names", "action"}));
  const JsonReader in = TRY(JsonReader::of(json, "record"));
  Record record;
  record.repository = TRY(in.text("repository"));
  if (!is_repository_uuid(record.repository)) return in.wrong("repository", "is not a UUID");
  record.name = TRY(in.text("name"));
  if (!is_repository_name(record.name)) return in.wrong("name", "is not a repository name");
  record.revision = TRY(in.integer("revision"));
  if (record.revision == 0) return in.wrong("revision", "is 0");
  if (in.has("previous")) record.previous = TRY(in.digest("previous"));
  if (record.previous.has_value() != (record.revision > 1))
    return in.wrong("previous", record.previous ? "stands in the first record" : "is missing");
  record.ancestors = TRY(parse_ancestors(in, record.revision));
  record.time = TRY(in.time("time"));
  record.root_version = TRY(in.integer("root_version"));
  if (record.root_version == 0) return in.wrong("root_version", "is 0");
  record.next_inode = TRY(in.integer("next_inode"));
  if (record.next_inode < 16 || record.next_inode > uint64_t{1} << 48)
    return in.wrong("next_inode", "is below 16 or above 2^48");
  for (const auto& [name, statement] : *TRY(in.object("branches"))) {
    if (!is_ref_name(name)) return in.wrong("branches", "holds something that is not a branch name");
    record.branches.emplace(name, TRY(Envelope::from_json(statement, "record: branch " + name)));
  }
  record.names = TRY(in.digest("names"));
  record.action = *TRY(in.object("action"));
  return record;
}

Bytes Record::serialise() const {
  JsonValue::Object ancestor_list;
  for (const auto& [ancestor, digest] : ancestors) ancestor_list[std::to_string(ancestor)] = digest.hex();
  JsonValue::Object branch_list;
  for (const auto& [branch, statement] : branches) branch_list[branch] = statement.to_json();
  JsonValue::Object out = new_document(kKind);
  out["repository"] = repository;
  out["name"] = name;
  out["revision"] = revision;
  if (previous) out["previous"] = previous->hex();
  out["ancestors"] = std::move(ancestor_list);
  out["time"] = format_utc(time);
  out["root_version"] = root_version;
  out["next_inode"] = next_inode;
  out["branches"] = std::move(branch_list);
  out["names"] = names.hex();
  out["action"] = action;
  return JsonValue(std::move(out)).canonical();
}

namespace {
// Record `revision`, which must have that digest.
Result<Record> fetch_link(uint64_t revision, const RecordDigest& digest, const FetchRecord& fetch) {
  const std::string what = str("record ", revision);
  const Bytes bytes = TRY_WITHIN(what, fetch(revision));
  const Envelope envelope = TRY_WITHIN(what, Envelope::parse(bytes));
  if (envelope.digest() != digest)
    return Error{Code::kCorrupt,
                 str(what, " has digest ", envelope.digest().brief(), "; the log says ", digest.brief())};
  Record record = TRY_WITHIN(what, Record::parse(envelope.payload));
  if (record.revision != revision) return Error{Code::kCorrupt, str(what, " calls itself ", record.revision)};
  return record;
}

// The longest links first.
std::map<uint64_t, RecordDigest> links_of(const Record& record) {
  std::map<uint64_t, RecordDigest> links = record.ancestors;
  if (record.previous) links[record.revision - 1] = *record.previous;
  return links;
}
}  // namespace

Result<Record> successor_of(const Record& head, const RecordDigest& digest, UnixSeconds now, const FetchRecord& fetch) {
  Record next = head;
  next.revision = head.revision + 1;
  next.previous = digest;
  next.time = std::max(now, head.time);
  next.ancestors.clear();
  next.action.clear();
  Record walker = head;  // r−2^k is a link of r−2^(k−1)
  for (const uint64_t ancestor : ancestors_of(next.revision)) {
    const RecordDigest found = links_of(walker).at(ancestor);
    next.ancestors[ancestor] = found;
    if (next.revision % (2 * (next.revision - ancestor)) == 0) walker = TRY(fetch_link(ancestor, found, fetch));
  }
  return next;
}

Result<Record> find_record(const Record& head, uint64_t revision, const FetchRecord& fetch) {
  if (revision == 0 || revision > head.revision)
    return Error{Code::kNotFound, str("there is no revision ", revision, "; the newest is ", head.revision)};
  Record record = head;
  while (record.revision != revision) {
    const auto links = links_of(record);
    const auto longest = links.lower_bound(revision);  // there is one: r−1 is a link
    record = TRY(fetch_link(longest->first, longest->second, fetch));
  }
  return record;
}

Result<Record> find_record_at(const Record& head, UnixSeconds time, const FetchRecord& fetch) {
  Record too_new = head;
  if (too_new.time <= time) return too_new;
  std::optional<Record> old_enough;
  for (;;) {
    bool moved = false;
    for (const auto& [revision, digest] : links_of(too_new)) {
      if (old_enough && revision <= old_enough->revision) continue;
      Record link = TRY(fetch_link(revision, digest, fetch));
      if (link.time > time) {
        too_new = std::move(link);
        moved = true;
        break;
      }
      old_enough = std::move(link);
    }
    if (moved) continue;
    if (!old_enough)
      return Error{Code::kNotFound, str("the repository is younger than ", format_utc(time),
                                        "; its first record is of ", format_utc(too_new.time))};
    return *old_enough;
  }
}

}  // namespace granary
