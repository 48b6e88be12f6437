#include "fs/format/profile_trace.h"

#include "fs/format/identifiers.h"
#include "fs/format/paths.h"

namespace granary {

namespace {
constexpr uint64_t kMaxFileBytes = uint64_t{INT64_MAX};
// A touch has up to four JSON values, a range three, the document itself a handful.
constexpr size_t kMaxValues = 4 * Trace::kMaxTouches + 3 * Trace::kMaxRanges + 100;

bool is_plain(char c) { return c >= ' ' && c <= '~' && c != '%'; }

// Paths are bytes, JSON is text: what is not printable ASCII is written %XX.
std::string encode_path(ByteView path) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string out;
  for (const char c : path) {
    if (is_plain(c)) {
      out += c;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    out += {'%', kDigits[byte >> 4], kDigits[byte & 15]};
  }
  return out;
}

// -1 unless an upper-case hexadecimal digit.
int digit_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

// Exactly what encode_path writes.
std::optional<Bytes> decode_path(std::string_view text) {
  Bytes out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (is_plain(text[i])) {
      out += text[i];
      continue;
    }
    if (text[i] != '%' || text.size() - i < 3) return std::nullopt;
    const int high = digit_value(text[i + 1]);
    const int low = digit_value(text[i + 2]);
    if (high < 0 || low < 0) return std::nullopt;
    const char byte = static_cast<char>(high * 16 + low);
    if (is_plain(byte)) return std::nullopt;  // every path has one spelling
    out += byte;
    i += 2;
  }
  return out;
}

Result<Bytes> read_path(const JsonReader& in, std::string_view member) {
  const std::string text = TRY(in.text(member, 3 * Trace::kMaxPathBytes));
  const std::optional<Bytes> path = decode_path(text);
  if (!path || !parse_absolute_path("/" + *path)) return in.wrong(member, "is not a relative path in its one spelling");
  return *path;
}

Result<std::vector<ByteRange>> read_ranges(const JsonReader& in) {
  std::vector<ByteRange> ranges;
  uint64_t end = 0;
  for (const JsonValue& item : *TRY(in.array("ranges"))) {
    const JsonValue::Array* pair = item.array();
    const bool is_pair = pair != nullptr && pair->size() == 2;
    const uint64_t* offset = is_pair ? pair->front().integer() : nullptr;
    const uint64_t* length = is_pair ? pair->back().integer() : nullptr;
    if (offset == nullptr || length == nullptr)
      return in.wrong("ranges", "holds something that is not [offset,length]");
    if (*length == 0 || *offset < end || *offset > kMaxFileBytes || *length > kMaxFileBytes - *offset)
      return in.wrong("ranges", "are empty, out of order, overlap, or reach beyond 2^63-1");
    ranges.push_back({*offset, *length});
    end = *offset + *length;
  }
  return ranges;
}

Result<Touch> read_touch(const JsonValue& json, const std::string& what) {
  const JsonReader in = TRY(JsonReader::of(json, what));
  Touch touch;
  if (in.has("directory") == in.has("file"))
    return in.wrong("directory", "and \"file\": exactly one of them is needed");
  if (in.has("directory")) {
    touch.path = TRY(read_path(in, "directory"));
    return touch;
  }
  touch.kind = Touch::Kind::kFile;
  touch.path = TRY(read_path(in, "file"));
  if (touch.path.empty()) return in.wrong("file", "is the root");
  touch.content = TRY(in.digest("content"));
  touch.ranges = TRY(read_ranges(in));
  return touch;
}

JsonValue to_json(const Touch& touch) {
  if (touch.kind == Touch::Kind::kDirectory) return JsonValue::Object{{"directory", encode_path(touch.path)}};
  JsonValue::Array ranges;
  for (const ByteRange& range : touch.ranges)
    ranges.push_back(JsonValue::Array{JsonValue(range.offset_bytes), JsonValue(range.length_bytes)});
  return JsonValue::Object{
      {"content", touch.content.hex()}, {"file", encode_path(touch.path)}, {"ranges", std::move(ranges)}};
}
}  // namespace

Result<Trace> Trace::parse(ByteView text) {
  const JsonValue json =
      TRY(parse_document(text, kMaxBytes, kKind, {"repository", "snapshot", "time", "entries"}, kMaxValues));
  const JsonReader in = TRY(JsonReader::of(json, "trace"));
  Trace trace;
  trace.repository = TRY(in.text("repository"));
  if (!is_repository_uuid(trace.repository)) return in.wrong("repository", "is not a UUID");
  trace.snapshot = TRY(in.digest("snapshot"));
  trace.time = TRY(in.time("time"));
  const JsonValue::Array* entries = TRY(in.array("entries"));
  if (entries->size() > kMaxTouches) return in.wrong("entries", str("are more than ", kMaxTouches));
  size_t ranges = 0;
  for (const JsonValue& entry : *entries) {
    trace.touches.push_back(TRY(read_touch(entry, str("trace: entry ", trace.touches.size() + 1))));
    ranges += trace.touches.back().ranges.size();
  }
  if (ranges > kMaxRanges) return in.wrong("entries", str("have more than ", kMaxRanges, " ranges"));
  return trace;
}

Bytes Trace::serialise() const {
  JsonValue::Array entries;
  entries.reserve(touches.size());
  for (const Touch& touch : touches) entries.push_back(to_json(touch));
  JsonValue::Object out = new_document(kKind);
  out["repository"] = repository;
  out["snapshot"] = snapshot.hex();
  out["time"] = format_utc(time);
  out["entries"] = std::move(entries);
  return JsonValue(std::move(out)).canonical();
}

size_t serialised_bytes(const Touch& touch) {
  size_t path = 0;
  for (const char c : touch.path) path += is_plain(c) ? (c == '"' || c == '\\' ? 2 : 1) : 3;
  if (touch.kind == Touch::Kind::kDirectory) return path + 20;
  size_t ranges = 0;
  for (const ByteRange& range : touch.ranges)
    ranges += std::to_string(range.offset_bytes).size() + std::to_string(range.length_bytes).size() + 4;
  return path + ranges + 110;
}

}  // namespace granary
