// JsonValue: a JSON value. JsonReader: reads the members of an object and says which one is wrong (docs/format.md, 1
// and 7.1). What is parsed is foreign data: its size, its depth and the number of its values are bounded, duplicate
// keys are refused. Value types; no exception leaves.
#pragma once

#include <concepts>
#include <initializer_list>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "fs/base/digest.h"
#include "fs/base/time.h"

namespace granary {

class JsonValue {
 public:
  using Array = std::vector<JsonValue>;
  using Object = std::map<std::string, JsonValue, std::less<>>;  // ordered by bytes, as canonical writing wants it
  static constexpr size_t kMaxValues = 500'000;

  // NOLINTBEGIN(google-explicit-constructor): so that a document can be written down as it looks
  JsonValue();  // null
  JsonValue(bool value);
  JsonValue(double value);
  JsonValue(std::string text);
  JsonValue(const char* text);
  JsonValue(Array items);
  JsonValue(Object members);
  template <std::unsigned_integral T>
  JsonValue(T value) : JsonValue(uint64_t{value}, 0) {}
  template <std::signed_integral T>
  JsonValue(T value) : JsonValue(value < 0 ? 0 : static_cast<uint64_t>(value), value < 0 ? int64_t{value} : 0) {}
  // NOLINTEND(google-explicit-constructor)

  // Written out in json.cc: inlined, they make g++ 12 see uninitialised values where there are none.
  JsonValue(const JsonValue& other);
  JsonValue(JsonValue&& other) noexcept;
  JsonValue& operator=(const JsonValue& other);
  JsonValue& operator=(JsonValue&& other) noexcept;
  ~JsonValue();

  // One value and nothing after it.
  //   kEndlessData  longer than `limit_bytes`
  //   kCorrupt      not JSON, nested deeper than 32, more than `limit_values`, or a key twice in an object
  static Result<JsonValue> parse(ByteView text, size_t limit_bytes, size_t limit_values = kMaxValues);

  // Keys in byte order, no white space. Bytes that are not UTF-8 become U+FFFD.
  Bytes canonical() const;

  bool is_null() const { return std::holds_alternative<std::monostate>(value_); }
  // Null when it is something else.
  const bool* boolean() const { return std::get_if<bool>(&value_); }
  const uint64_t* integer() const { return std::get_if<uint64_t>(&value_); }  // whole, not negative
  const std::string* text() const { return std::get_if<std::string>(&value_); }
  const Array* array() const { return std::get_if<Array>(&value_); }
  const Object* object() const { return std::get_if<Object>(&value_); }
  Array* array() { return std::get_if<Array>(&value_); }
  Object* object() { return std::get_if<Object>(&value_); }

  bool operator==(const JsonValue&) const = default;

 private:
  JsonValue(uint64_t positive, int64_t negative);
  void write(Bytes& out) const;

  std::variant<std::monostate, bool, uint64_t, int64_t, double, std::string, Array, Object> value_;
};

// Typed members of one object. Every error is kCorrupt and names the member: `record: "revision" is not a whole
// number`. Borrows the object.
class JsonReader {
 public:
  // `what` names the object for people.
  JsonReader(const JsonValue::Object& object, std::string what) : object_(&object), what_(std::move(what)) {}
  // kCorrupt when `value` is no object.
  static Result<JsonReader> of(const JsonValue& value, std::string what);

  bool has(std::string_view name) const { return object_->find(name) != object_->end(); }
  Result<const JsonValue*> value(std::string_view name) const;

  Result<std::string> text(std::string_view name, size_t limit_bytes = 4096) const;
  Result<std::string> text_or(std::string_view name, std::string fallback, size_t limit_bytes = 4096) const;
  Result<uint64_t> integer(std::string_view name) const;
  Result<uint64_t> integer_or(std::string_view name, uint64_t fallback) const;
  Result<Digest> digest(std::string_view name) const;
  Result<Bytes> base64(std::string_view name) const;
  Result<UnixSeconds> time(std::string_view name) const;  // exactly 2026-11-21T08:00:00Z
  Result<std::vector<std::string>> texts(std::string_view name) const;
  Result<std::vector<Digest>> digests(std::string_view name) const;
  Result<const JsonValue::Array*> array(std::string_view name) const;
  Result<const JsonValue::Object*> object(std::string_view name) const;
  Result<JsonReader> reader(std::string_view name, std::string what) const;  // of a member that is an object

  // The error for a member whose form is right but whose value is not.
  Error wrong(std::string_view name, const std::string& why) const;
  const std::string& what() const { return what_; }
  const JsonValue::Object& members() const { return *object_; }

 private:
  const JsonValue::Object* object_;
  std::string what_;
};

// A document (7.1): one JSON object with "granary" = `kind` and "format" = 1, whose "critical" names only members among
// `known`.
//   kUnsupported  of a format, or with a critical member, that only a newer Granary knows
Result<JsonValue> parse_document(ByteView text, size_t limit_bytes, std::string_view kind,
                                 std::initializer_list<std::string_view> known,
                                 size_t limit_values = JsonValue::kMaxValues);
// The members every document starts with.
JsonValue::Object new_document(std::string_view kind);

}  // namespace granary
