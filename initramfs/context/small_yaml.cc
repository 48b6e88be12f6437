#include "initramfs/context/small_yaml.h"

namespace granary {

namespace {
constexpr size_t kMostBytes = 1 << 20;
constexpr size_t kDeepest = 24;

struct YamlLine {
  size_t number = 0, indent = 0;
  std::string_view text;  // without indentation and comment
  std::string_view raw;
};

std::string_view without_end_blanks(std::string_view text) {
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t' || text.back() == '\r')) text.remove_suffix(1);
  return text;
}

std::string_view without_begin_blanks(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  return text;
}

// A "#" begins a comment at the line's begin and after a blank, outside of quotes.
std::string_view without_comment(std::string_view text) {
  char quote = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const bool opens = i == 0 || std::string_view(" [{,:").find(text[i - 1]) != std::string_view::npos;
    if (quote == '"' && c == '\\')
      ++i;
    else if (quote != 0)
      quote = c == quote ? static_cast<char>(0) : quote;
    else if ((c == '"' || c == '\'') && opens)
      quote = c;
    else if (c == '#' && (i == 0 || text[i - 1] == ' ' || text[i - 1] == '\t'))
      return text.substr(0, i);
  }
  return text;
}

class YamlReader {
 public:
  YamlReader(ByteView text, const std::string& what) : what_(what) { split(text); }

  Result<Json> run() {
    skip_empty();
    if (at_end()) return Json();
    Json value = TRY(block(lines_[next_].indent, 0));
    skip_empty();
    if (!at_end()) return wrong("this does not belong to what stands above it");
    return value;
  }

 private:
  void split(ByteView text) {
    size_t number = 0;
    while (!text.empty()) {
      const size_t end = text.find('\n');
      YamlLine line;
      line.number = ++number;
      line.raw = without_end_blanks(text.substr(0, end));
      text.remove_prefix(end == ByteView::npos ? text.size() : end + 1);
      line.indent = std::min(line.raw.find_first_not_of(' '), line.raw.size());
      line.text = without_end_blanks(without_comment(line.raw.substr(line.indent)));
      if (line.raw == "---" && lines_.empty()) continue;
      lines_.push_back(line);
    }
  }

  bool at_end() const { return next_ >= lines_.size(); }
  void skip_empty() {
    while (!at_end() && lines_[next_].text.empty()) ++next_;
  }
  Error wrong(const std::string& why) const {
    const size_t number = at_end() ? lines_.size() : lines_[next_].number;
    return {Code::kInvalid, what_ + ": line " + std::to_string(number) + ": " + why};
  }

  static bool is_item(std::string_view text) { return text == "-" || text.starts_with("- "); }

  Result<Json> block(size_t indent, size_t depth) {
    if (depth > kDeepest) return wrong("too deep");
    if (is_item(lines_[next_].text)) return sequence(indent, depth);
    if (key_end(lines_[next_].text) != std::string_view::npos) return mapping(indent, depth);
    return scalar(lines_[next_++].text, depth);
  }

  // What stands on the lines below a "key:" or "-" at `indent`; a null if nothing does.
  Result<Json> below(size_t indent, bool same_for_items, size_t depth) {
    skip_empty();
    if (at_end()) return Json();
    const YamlLine& line = lines_[next_];
    const bool item = same_for_items && line.indent == indent && is_item(line.text);
    if (line.indent <= indent && !item) return Json();
    return block(line.indent, depth + 1);
  }

  Result<Json> sequence(size_t indent, size_t depth) {
    Json items = Json::array();
    for (skip_empty(); !at_end() && lines_[next_].indent == indent && is_item(lines_[next_].text); skip_empty()) {
      YamlLine& line = lines_[next_];
      const std::string_view rest = without_begin_blanks(line.text.substr(1));
      if (rest.empty()) {
        ++next_;
        items.push_back(TRY(below(indent, false, depth)));
      } else if (is_item(rest) ||
                 (key_end(rest) != std::string_view::npos && rest.front() != '{' && rest.front() != '[')) {
        line.indent += static_cast<size_t>(rest.data() - line.text.data());  // as if it stood on a line of its own
        line.text = rest;
        items.push_back(TRY(block(line.indent, depth + 1)));
      } else {
        items.push_back(TRY(value(rest, indent, depth)));
      }
    }
    return misplaced(indent) ? Result<Json>(wrong("indented unlike what stands above it"))
                             : Result<Json>(std::move(items));
  }

  Result<Json> mapping(size_t indent, size_t depth) {
    Json members = Json::object();
    for (skip_empty(); !at_end() && lines_[next_].indent == indent; skip_empty()) {
      const std::string_view text = lines_[next_].text;
      const size_t end = key_end(text);
      if (end == std::string_view::npos) {
        if (is_item(text)) break;
        return wrong("neither \"key: value\" nor \"- item\"");
      }
      const Json key = TRY(scalar(without_end_blanks(text.substr(0, end)), depth));
      if (!key.is_string()) return wrong("a key that is no plain word");
      const std::string name = key.get<std::string>();
      if (name == "<<") return wrong("merge keys are not understood");
      if (members.contains(name)) return wrong("\"" + printable(name) + "\" is said twice");
      const std::string_view rest = without_begin_blanks(text.substr(end + 1));
      if (!rest.empty()) {
        members[name] = TRY(value(rest, indent, depth));
      } else {
        ++next_;
        members[name] = TRY(below(indent, true, depth));
      }
    }
    return misplaced(indent) ? Result<Json>(wrong("indented unlike what stands above it"))
                             : Result<Json>(std::move(members));
  }

  bool misplaced(size_t indent) {
    skip_empty();
    return !at_end() && lines_[next_].indent > indent;
  }

  // What stands behind "key:" or "-" on its own line, and, for a literal block, on those below.
  Result<Json> value(std::string_view text, size_t indent, size_t depth) {
    if (text == "|" || text == "|-" || text == "|+") {
      ++next_;
      return literal(indent, text != "|-");
    }
    if (text.front() == '|' || text.front() == '>') return wrong("folded and indented blocks are not understood");
    Json read = TRY(scalar(text, depth));
    ++next_;
    return read;
  }

  Json literal(size_t indent, bool with_end) {
    std::string text;
    size_t margin = 0;
    for (; !at_end(); ++next_) {
      const YamlLine& line = lines_[next_];
      if (!line.raw.empty() && line.raw.find_first_not_of(' ') <= indent) break;
      if (margin == 0 && !line.raw.empty()) margin = line.raw.find_first_not_of(' ');
      text += std::string(line.raw.substr(std::min(margin, line.raw.size()))) + "\n";
    }
    while (text.ends_with('\n')) text.pop_back();
    return with_end && !text.empty() ? text + "\n" : text;
  }

  // Where the colon behind a key stands.
  static size_t key_end(std::string_view text) {
    size_t from = 0;
    if (!text.empty() && (text.front() == '"' || text.front() == '\'')) {
      from = text.find(text.front(), 1);
      if (from == std::string_view::npos) return from;
    }
    if (!text.empty() && (text.front() == '[' || text.front() == '{')) return std::string_view::npos;
    for (size_t i = from; i < text.size(); ++i)
      if (text[i] == ':' && (i + 1 == text.size() || text[i + 1] == ' ')) return i;
    return std::string_view::npos;
  }

  // A whole scalar, list or mapping on one line.
  Result<Json> scalar(std::string_view text, size_t depth) {
    std::string_view rest = text;
    Json value = TRY(flow(rest, depth, false));
    if (!without_begin_blanks(rest).empty()) return wrong("something stands behind the value");
    return value;
  }

  Result<Json> flow(std::string_view& rest, size_t depth, bool inside) {
    if (depth > kDeepest) return wrong("too deep");
    rest = without_begin_blanks(rest);
    if (rest.empty()) return Json();
    switch (rest.front()) {
      case '"': return double_quoted(rest);
      case '\'': return single_quoted(rest);
      case '[': return flow_list(rest, depth);
      case '{': return flow_mapping(rest, depth);
      case '&':
      case '*':
      case '!':
      case '%':
      case '@':
      case '`': return wrong(std::string("values that begin with ") + rest.front() + " are not understood");
      default: return plain(rest, inside);
    }
  }

  Result<Json> plain(std::string_view& rest, bool inside) {
    size_t end = rest.size();
    for (size_t i = 0; i < rest.size() && end == rest.size(); ++i) {
      if (inside && std::string_view(",]}[{").find(rest[i]) != std::string_view::npos) end = i;
      if (rest[i] != ':' || (i + 1 < rest.size() && rest[i + 1] != ' ')) continue;
      if (!inside) return wrong("a value with \": \" in it needs quotes");
      end = i;
    }
    const std::string_view text = without_end_blanks(rest.substr(0, end));
    rest.remove_prefix(end);
    if (text.empty() || text == "~" || text == "null") return Json();
    return Json(std::string(text));
  }

  Result<Json> single_quoted(std::string_view& rest) {
    std::string text;
    for (size_t i = 1; i < rest.size(); ++i) {
      if (rest[i] == '\'' && i + 1 < rest.size() && rest[i + 1] == '\'') {
        ++i;
      } else if (rest[i] == '\'') {
        rest.remove_prefix(i + 1);
        return Json(std::move(text));
      }
      text += rest[i];
    }
    return wrong("a quote without an end");
  }

  Result<Json> double_quoted(std::string_view& rest) {
    std::string text;
    for (size_t i = 1; i < rest.size(); ++i) {
      if (rest[i] == '"') {
        rest.remove_prefix(i + 1);
        return Json(std::move(text));
      }
      if (rest[i] != '\\') {
        text += rest[i];
        continue;
      }
      static constexpr std::string_view kNames = "nrt\"\\/ ", kBytes = "\n\r\t\"\\/ ";
      const size_t known = ++i < rest.size() ? kNames.find(rest[i]) : std::string_view::npos;
      if (known == std::string_view::npos) return wrong("this \\ is not understood");
      text += kBytes[known];
    }
    return wrong("a quote without an end");
  }

  Result<Json> flow_list(std::string_view& rest, size_t depth) {
    Json items = Json::array();
    rest.remove_prefix(1);
    for (;;) {
      rest = without_begin_blanks(rest);
      if (rest.empty()) return wrong("a list that does not end on its line");
      if (rest.front() == ']') break;
      items.push_back(TRY(flow(rest, depth + 1, true)));
      TRY(separator(rest, ']'));
    }
    rest.remove_prefix(1);
    return items;
  }

  Result<Json> flow_mapping(std::string_view& rest, size_t depth) {
    Json members = Json::object();
    rest.remove_prefix(1);
    for (;;) {
      rest = without_begin_blanks(rest);
      if (rest.empty()) return wrong("a mapping that does not end on its line");
      if (rest.front() == '}') break;
      const Json key = TRY(flow(rest, depth + 1, true));
      rest = without_begin_blanks(rest);
      if (!key.is_string() || rest.empty() || rest.front() != ':') return wrong("a mapping without \"key: value\"");
      rest.remove_prefix(1);
      members[key.get<std::string>()] = TRY(flow(rest, depth + 1, true));
      TRY(separator(rest, '}'));
    }
    rest.remove_prefix(1);
    return members;
  }

  Status separator(std::string_view& rest, char end) {
    rest = without_begin_blanks(rest);
    if (!rest.empty() && rest.front() == ',')
      rest.remove_prefix(1);
    else if (rest.empty() || rest.front() != end)
      return wrong(std::string("neither \",\" nor \"") + end + "\"");
    return Done{};
  }

  const std::string& what_;
  std::vector<YamlLine> lines_;
  size_t next_ = 0;
};
}  // namespace

Result<Json> parse_small_yaml(ByteView text, const std::string& what) {
  if (text.size() > kMostBytes) return Error{Code::kInvalid, what + ": too long"};
  if (text.find('\0') != ByteView::npos) return Error{Code::kInvalid, what + ": not a text"};
  if (const size_t first = text.find_first_not_of(" \t\r\n"); first != ByteView::npos && text[first] == '{') {
    Json value = Json::parse(text.begin(), text.end(), nullptr, false);
    if (!value.is_discarded()) return value;
  }
  return YamlReader(text, what).run();
}

}  // namespace granary
