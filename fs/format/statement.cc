#include "fs/format/statement.h"

#include "fs/format/identifiers.h"

namespace granary {

const char* name_of(Statement::Kind kind) { return kind == Statement::Kind::kTag ? "tag" : "branch"; }

std::string describe(const Statement& statement) { return str(name_of(statement.kind), " ", statement.name); }

Result<Statement> Statement::parse(ByteView payload) {
  const JsonValue json = TRY(parse_document(
      payload, kMaxDocumentBytes, kKind,
      {"repository", "kind", "name", "branch", "snapshot", "tree", "catalog", "time", "sequence", "base"}));
  const JsonReader in = TRY(JsonReader::of(json, "release"));
  Statement statement;
  statement.repository = TRY(in.text("repository"));
  if (!is_repository_uuid(statement.repository)) return in.wrong("repository", "is not a UUID");
  const std::string kind = TRY(in.text("kind"));
  if (kind != "branch" && kind != "tag") return in.wrong("kind", "is neither \"branch\" nor \"tag\"");
  statement.kind = kind == "tag" ? Kind::kTag : Kind::kBranch;
  statement.name = TRY(in.text("name"));
  if (!is_ref_name(statement.name)) return in.wrong("name", "is not the name of a branch or tag");
  statement.branch = TRY(in.text("branch"));
  if (!is_ref_name(statement.branch)) return in.wrong("branch", "is not the name of a branch");
  if (statement.kind == Kind::kBranch && statement.branch != statement.name)
    return in.wrong("branch", "differs from the name of the branch");
  statement.snapshot = TRY(in.digest("snapshot"));
  statement.tree = TRY(in.digest("tree"));
  statement.catalog = TRY(in.digest("catalog"));
  statement.time = TRY(in.time("time"));
  statement.sequence = TRY(in.integer("sequence"));
  if (statement.sequence == 0) return in.wrong("sequence", "is 0");
  if (in.has("base")) statement.base = TRY(Envelope::from_member(in, "base"));
  return statement;
}

Bytes Statement::serialise() const {
  JsonValue::Object out = new_document(kKind);
  out["repository"] = repository;
  out["kind"] = name_of(kind);
  out["name"] = name;
  out["branch"] = branch;
  out["snapshot"] = snapshot.hex();
  out["tree"] = tree.hex();
  out["catalog"] = catalog.hex();
  out["time"] = format_utc(time);
  out["sequence"] = sequence;
  if (base) out["base"] = base->to_json();
  return JsonValue(std::move(out)).canonical();
}

}  // namespace granary
