#include "fs/format/json.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>

namespace granary {

namespace {
constexpr size_t kMaxDepth = 32;

// Builds a JsonValue from the parser's events and stops it where a bound is met. The parser keeps its own
// stack on the heap, so that depth costs no recursion.
class Builder : public nlohmann::json_sax<nlohmann::json> {
 public:
  explicit Builder(size_t limit_values) : limit_values_(limit_values) {}
  JsonValue take() { return std::move(root_); }
  const std::string& failure() const { return failure_; }

  bool null() override { return add(JsonValue()); }
  bool boolean(bool value) override { return add(value); }
  bool number_integer(number_integer_t value) override { return add(value); }
  bool number_unsigned(number_unsigned_t value) override { return add(value); }
  bool number_float(number_float_t value, const string_t&) override { return add(value); }
  bool string(string_t& value) override { return add(std::move(value)); }
  bool binary(binary_t&) override { return fail("binary data"); }
  bool start_object(size_t) override { return open(JsonValue::Object{}); }
  bool start_array(size_t) override { return open(JsonValue::Array{}); }
  bool end_object() override { return close(); }
  bool end_array() override { return close(); }

  bool key(string_t& name) override {
    auto [place, is_new] = open_.back()->object()->try_emplace(std::move(name));
    if (!is_new) return fail(str("the key \"", printable(place->first.substr(0, 80)), "\" twice in one object"));
    slot_ = &place->second;
    return true;
  }

  bool parse_error(size_t position, const std::string&, const nlohmann::detail::exception&) override {
    return fail(str("not JSON at byte ", position));
  }

 private:
  bool fail(std::string why) {
    failure_ = std::move(why);
    return false;
  }

  // Puts a value where the next one belongs; null when there are too many.
  JsonValue* place(JsonValue value) {
    if (++values_ > limit_values_) {
      fail(str("more than ", limit_values_, " values"));
      return nullptr;
    }
    if (open_.empty()) return &(root_ = std::move(value));
    if (JsonValue::Array* array = open_.back()->array()) return &array->emplace_back(std::move(value));
    return &(*slot_ = std::move(value));
  }

  bool add(JsonValue value) { return place(std::move(value)) != nullptr; }

  bool open(JsonValue container) {
    if (open_.size() >= kMaxDepth) return fail(str("nested deeper than ", kMaxDepth));
    JsonValue* placed = place(std::move(container));
    if (placed != nullptr) open_.push_back(placed);
    return placed != nullptr;
  }

  bool close() {
    open_.pop_back();
    return true;
  }

  const size_t limit_values_;
  JsonValue root_;
  std::vector<JsonValue*> open_;  // an array grows only while none of its elements is open
  JsonValue* slot_ = nullptr;     // where the member just named goes
  size_t values_ = 0;
  std::string failure_;
};

void write_text(Bytes& out, ByteView text);
}  // namespace

JsonValue::JsonValue() = default;
JsonValue::JsonValue(bool value) : value_(value) {}
JsonValue::JsonValue(double value) : value_(value) {}
JsonValue::JsonValue(std::string text) : value_(std::move(text)) {}
JsonValue::JsonValue(const char* text) : value_(std::string(text)) {}
JsonValue::JsonValue(Array items) : value_(std::move(items)) {}
JsonValue::JsonValue(Object members) : value_(std::move(members)) {}
JsonValue::JsonValue(uint64_t positive, int64_t negative) : value_(positive) {
  if (negative < 0) value_ = negative;
}
JsonValue::JsonValue(const JsonValue& other) = default;
JsonValue::JsonValue(JsonValue&& other) noexcept = default;
JsonValue& JsonValue::operator=(const JsonValue& other) = default;
JsonValue& JsonValue::operator=(JsonValue&& other) noexcept = default;
JsonValue::~JsonValue() = default;

Result<JsonValue> JsonValue::parse(ByteView text, size_t limit_bytes, size_t limit_values) {
  if (text.size() > limit_bytes)
    return Error{Code::kEndlessData, str("is ", text.size(), " bytes long; it may have ", limit_bytes)};
  if (text.starts_with("\xef\xbb\xbf")) return Error{Code::kCorrupt, "starts with a byte order mark"};
  Builder builder(limit_values);
  if (!nlohmann::json::sax_parse(text.begin(), text.end(), &builder))
    return Error{Code::kCorrupt, builder.failure().empty() ? "not JSON" : builder.failure()};
  return builder.take();
}

Bytes JsonValue::canonical() const {
  Bytes out;
  write(out);
  return out;
}

void JsonValue::write(Bytes& out) const {
  if (const bool* flag = boolean()) out += *flag ? "true" : "false";
  if (const uint64_t* number = integer()) out += std::to_string(*number);
  if (const int64_t* number = std::get_if<int64_t>(&value_)) out += std::to_string(*number);
  if (const double* number = std::get_if<double>(&value_)) out += nlohmann::json(*number).dump();
  if (const std::string* string = text()) write_text(out, *string);
  if (is_null()) out += "null";
  if (const Array* items = array()) {
    out += '[';
    for (const JsonValue& item : *items) {
      if (&item != &items->front()) out += ',';
      item.write(out);
    }
    out += ']';
  }
  if (const Object* members = object()) {
    out += '{';
    for (const auto& [name, member] : *members) {
      if (out.back() != '{') out += ',';
      write_text(out, name);
      out += ':';
      member.write(out);
    }
    out += '}';
  }
}

namespace {
void write_text(Bytes& out, ByteView text) {
  // nlohmann's dump escapes exactly what must be (quote, backslash, controls) and replaces what is not UTF-8.
  out += nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}
}  // namespace

Result<JsonReader> JsonReader::of(const JsonValue& value, std::string what) {
  if (value.object() == nullptr) return Error{Code::kCorrupt, what + " is not a JSON object"};
  return JsonReader(*value.object(), std::move(what));
}

Error JsonReader::wrong(std::string_view name, const std::string& why) const {
  return {Code::kCorrupt, str(what_, ": \"", name, "\" ", why)};
}

Result<const JsonValue*> JsonReader::value(std::string_view name) const {
  const auto found = object_->find(name);
  if (found == object_->end()) return wrong(name, "is missing");
  return &found->second;
}

Result<std::string> JsonReader::text(std::string_view name, size_t limit_bytes) const {
  const std::string* text = TRY(value(name))->text();
  if (text == nullptr) return wrong(name, "is not a string");
  if (text->size() > limit_bytes) return wrong(name, str("is longer than ", limit_bytes, " bytes"));
  return *text;
}

Result<std::string> JsonReader::text_or(std::string_view name, std::string fallback, size_t limit_bytes) const {
  if (!has(name)) return fallback;
  return text(name, limit_bytes);
}

Result<uint64_t> JsonReader::integer(std::string_view name) const {
  const uint64_t* number = TRY(value(name))->integer();
  if (number == nullptr || *number > uint64_t{INT64_MAX}) return wrong(name, "is not a whole number, 0 to 2^63-1");
  return *number;
}

Result<uint64_t> JsonReader::integer_or(std::string_view name, uint64_t fallback) const {
  if (!has(name)) return fallback;
  return integer(name);
}

Result<Digest> JsonReader::digest(std::string_view name) const {
  const Result<Digest> digest = Digest::parse(TRY(text(name)));
  if (!digest) return wrong(name, "is not a digest");
  return digest;
}

Result<Bytes> JsonReader::base64(std::string_view name) const {
  const std::string* text = TRY(value(name))->text();
  if (text == nullptr) return wrong(name, "is not a string");
  Result<Bytes> bytes = from_base64(*text);
  if (!bytes) return wrong(name, "is not base64");
  return bytes;
}

Result<UnixSeconds> JsonReader::time(std::string_view name) const {
  const std::string written = TRY(text(name, 64));
  const Result<UnixSeconds> time = parse_utc(written);
  if (!time || format_utc(*time) != written) return wrong(name, "is not a UTC time such as 2026-11-21T12:00:00Z");
  return time;
}

Result<std::vector<std::string>> JsonReader::texts(std::string_view name) const {
  std::vector<std::string> out;
  for (const JsonValue& item : *TRY(array(name))) {
    if (item.text() == nullptr) return wrong(name, "holds something that is not a string");
    out.push_back(*item.text());
  }
  return out;
}

Result<std::vector<Digest>> JsonReader::digests(std::string_view name) const {
  std::vector<Digest> out;
  for (const std::string& text : TRY(texts(name))) {
    const Result<Digest> digest = Digest::parse(text);
    if (!digest) return wrong(name, "holds something that is not a digest");
    out.push_back(*digest);
  }
  return out;
}

Result<const JsonValue::Array*> JsonReader::array(std::string_view name) const {
  const JsonValue::Array* items = TRY(value(name))->array();
  if (items == nullptr) return wrong(name, "is not a list");
  return items;
}

Result<const JsonValue::Object*> JsonReader::object(std::string_view name) const {
  const JsonValue::Object* members = TRY(value(name))->object();
  if (members == nullptr) return wrong(name, "is not an object");
  return members;
}

Result<JsonReader> JsonReader::reader(std::string_view name, std::string what) const {
  const JsonValue::Object* members = TRY(object(name));
  return JsonReader(*members, std::move(what));
}

Result<JsonValue> parse_document(ByteView text, size_t limit_bytes, std::string_view kind,
                                 std::initializer_list<std::string_view> known, size_t limit_values) {
  JsonValue json = TRY_WITHIN(std::string(kind), JsonValue::parse(text, limit_bytes, limit_values));
  const JsonReader in = TRY(JsonReader::of(json, std::string(kind)));
  const std::string actual = TRY(in.text("granary", 64));
  if (actual != kind) return in.wrong("granary", str("is \"", printable(actual), "\", not \"", kind, "\""));
  const uint64_t format = TRY(in.integer("format"));
  if (format != 1)
    return Error{Code::kUnsupported,
                 str(kind, " has format ", format, "; we know format 1: a newer Granary is needed")};
  if (!in.has("critical")) return json;
  for (const std::string& name : TRY(in.texts("critical"))) {
    if (std::find(known.begin(), known.end(), name) == known.end())
      return Error{Code::kUnsupported, str(kind, " has a critical member \"", printable(name.substr(0, 80)),
                                           "\" that we do not know: a newer Granary is needed")};
  }
  return json;
}

JsonValue::Object new_document(std::string_view kind) { return {{"granary", std::string(kind)}, {"format", 1}}; }

}  // namespace granary
