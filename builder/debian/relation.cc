#include "builder/debian/relation.h"

#include <algorithm>

#include "builder/debian/control.h"
#include "fs/base/bytes.h"

namespace granary {

namespace {
struct Operator {
  std::string_view text;
  VersionRelation relation;
};
// The longer first. The last two are old spellings, which mean "or equal".
constexpr Operator kOperators[] = {{"<<", VersionRelation::kEarlier},      {"<=", VersionRelation::kEarlierOrEqual},
                                   {">=", VersionRelation::kLaterOrEqual}, {">>", VersionRelation::kLater},
                                   {"=", VersionRelation::kEqual},         {"<", VersionRelation::kEarlierOrEqual},
                                   {">", VersionRelation::kLaterOrEqual}};

Error not_a_relation(std::string_view text) {
  return {Code::kInvalid, str("\"", printable(text.substr(0, 200)), "\" is not a relation such as \"name (>= 1.0)\"")};
}

bool is_name(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || c == '+' || c == '-' ||
           c == '.' || c == '_';
  });
}

Status read_bound(std::string_view text, Relation& relation) {
  for (const auto& [spelling, meaning] : kOperators) {
    if (!text.starts_with(spelling)) continue;
    relation.relation = meaning;
    relation.version = trimmed(text.substr(spelling.size()));
    const bool is_one_word = relation.version.find_first_of(" \t\n()") == std::string_view::npos;
    if (relation.version.empty() || !is_one_word) break;
    return Done{};
  }
  return not_a_relation(text);
}

Result<Relation> parse_relation(std::string_view text) {
  text = trimmed(text);
  Relation relation;
  const size_t open = text.find('(');
  if (open != std::string_view::npos) {
    if (!text.ends_with(')')) return not_a_relation(text);
    TRY(read_bound(trimmed(text.substr(open + 1, text.size() - open - 2)), relation));
  }
  relation.name = trimmed(text.substr(0, open));
  if (const size_t colon = relation.name.find(':'); colon != std::string_view::npos) {
    relation.architecture = relation.name.substr(colon + 1);
    relation.name = relation.name.substr(0, colon);
    if (!is_name(relation.architecture)) return not_a_relation(text);
  }
  if (!is_name(relation.name)) return not_a_relation(text);
  return relation;
}

std::string_view take_until(std::string_view& rest, char separator) {
  const size_t end = rest.find(separator);
  const std::string_view part = rest.substr(0, end);
  rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
  return part;
}
}  // namespace

Result<std::vector<Alternatives>> parse_relations(std::string_view text) {
  std::vector<Alternatives> relations;
  while (!text.empty()) {
    std::string_view member = take_until(text, ',');
    if (trimmed(member).empty()) continue;
    Alternatives alternatives;
    for (bool more = true; more;) {
      more = member.find('|') != std::string_view::npos;
      alternatives.push_back(TRY(parse_relation(take_until(member, '|'))));
    }
    relations.push_back(std::move(alternatives));
  }
  return relations;
}

std::string text_of(const Relation& relation) {
  std::string text(relation.name);
  if (!relation.architecture.empty()) text += str(":", relation.architecture);
  if (relation.relation == VersionRelation::kAny) return text;
  const auto* const spelled = std::find_if(std::begin(kOperators), std::end(kOperators),
                                           [&](const Operator& each) { return each.relation == relation.relation; });
  return str(text, " (", spelled->text, " ", relation.version, ")");
}

std::string text_of(const Alternatives& alternatives) {
  std::string text;
  for (const Relation& relation : alternatives) text += (text.empty() ? "" : " | ") + text_of(relation);
  return text;
}

}  // namespace granary
