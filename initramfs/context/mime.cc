#include "initramfs/context/mime.h"

#include <algorithm>

namespace granary {

namespace {
constexpr size_t kMostParts = 256, kDeepest = 5, kMostHeaderBytes = 64 << 10;

struct Header {
  std::string type = "text/plain", boundary, encoding;
  bool any = false;
};

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

std::string lower(std::string_view text) {
  std::string out;
  for (const char c : text) out += lower(c);
  return out;
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t' || text.back() == '\r')) text.remove_suffix(1);
  return text;
}

// The next line, without its end.
std::string_view take_line(ByteView& rest) {
  const size_t end = rest.find('\n');
  std::string_view line = rest.substr(0, end);
  rest.remove_prefix(end == ByteView::npos ? rest.size() : end + 1);
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

// "multipart/mixed; boundary=\"==X==\"": the value of one parameter.
std::string parameter(std::string_view value, std::string_view name) {
  for (size_t at = value.find(';'); at != std::string_view::npos; at = value.find(';', at + 1)) {
    const std::string_view rest = trimmed(value.substr(at + 1));
    if (lower(rest.substr(0, name.size())) != name || rest.substr(name.size(), 1) != "=") continue;
    std::string_view text = rest.substr(name.size() + 1);
    if (text.starts_with('"')) return std::string(text.substr(1, text.find('"', 1) - 1));
    return std::string(trimmed(text.substr(0, text.find(';'))));
  }
  return {};
}

void take_field(const std::string& field, Header& header) {
  const size_t colon = field.find(':');
  const std::string name = lower(trimmed(std::string_view(field).substr(0, colon)));
  const std::string_view value = trimmed(std::string_view(field).substr(colon + 1));
  if (name == "content-type") {
    header.type = lower(trimmed(value.substr(0, value.find(';'))));
    header.boundary = parameter(value, "boundary");
  }
  if (name == "content-transfer-encoding") header.encoding = lower(value);
}

bool looks_like_field(std::string_view line) {
  const size_t colon = line.find(':');
  if (colon == 0 || colon == std::string_view::npos) return false;
  return std::all_of(line.begin(), line.begin() + static_cast<ptrdiff_t>(colon),
                     [](char c) { return c > ' ' && c < 127; });
}

// Takes the header off `rest`, with the empty line behind it. A header that is none stays where it is.
Header take_header(ByteView& rest) {
  const ByteView whole = rest;
  Header header;
  std::string field;
  if (rest.starts_with("From ")) take_line(rest);  // of a mail box
  while (!rest.empty()) {
    const std::string_view line = take_line(rest);
    const bool continued = !line.empty() && (line.front() == ' ' || line.front() == '\t') && !field.empty();
    if (!continued && !field.empty()) take_field(field, header);
    if (line.empty()) return header;
    if (whole.size() - rest.size() > kMostHeaderBytes || (!continued && !looks_like_field(line))) break;
    header.any = true;
    field = continued ? field + " " + std::string(trimmed(line)) : std::string(line);
  }
  rest = whole;
  return {};
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (lower(c) >= 'a' && lower(c) <= 'f') return lower(c) - 'a' + 10;
  return -1;
}

// RFC 2045, 6.7. What is no proper escape stays as it is.
Bytes from_quoted_printable(ByteView text) {
  Bytes out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '=') {
      out += text[i];
      continue;
    }
    size_t end = i + 1;
    while (end < text.size() && (text[end] == ' ' || text[end] == '\t' || text[end] == '\r')) ++end;
    if (end >= text.size() || text[end] == '\n') {
      i = end;  // the line goes on
    } else if (i + 2 < text.size() && hex_digit(text[i + 1]) >= 0 && hex_digit(text[i + 2]) >= 0) {
      out += static_cast<char>(16 * hex_digit(text[i + 1]) + hex_digit(text[i + 2]));
      i += 2;
    } else {
      out += '=';
    }
  }
  return out;
}

class MimeReader {
 public:
  explicit MimeReader(std::vector<std::string>& problems) : problems_(problems) {}

  void read(ByteView message, size_t depth) {
    const Header header = take_header(message);
    if (!header.type.starts_with("multipart/")) return leaf(header, message);
    if (depth >= kDeepest) return problems_.push_back("parts within parts within parts: too deep");
    if (header.boundary.empty() || header.boundary.size() > 256)
      return problems_.push_back("a multi-part without a boundary");
    split(message, "--" + header.boundary, depth);
  }

  std::vector<MimePart> take() { return std::move(parts_); }

 private:
  void split(ByteView rest, const std::string& mark, size_t depth) {
    ByteView part;
    bool inside = false;
    while (!rest.empty()) {
      const ByteView here = rest;
      const std::string_view line = take_line(rest);
      const bool last = line.starts_with(mark) && trimmed(line.substr(mark.size())) == "--";
      const bool next = line.starts_with(mark) && trimmed(line.substr(mark.size())).empty();
      if (!last && !next) continue;
      if (inside) read(without_last_end(part.substr(0, static_cast<size_t>(here.data() - part.data()))), depth + 1);
      if (last) return;
      inside = true;
      part = rest;
    }
    if (inside) {
      problems_.push_back("the last part has no end");
      read(part, depth + 1);
    }
  }

  // The line end before a boundary belongs to it.
  static ByteView without_last_end(ByteView text) {
    if (text.ends_with('\n')) text.remove_suffix(1);
    if (text.ends_with('\r')) text.remove_suffix(1);
    return text;
  }

  void leaf(const Header& header, ByteView body) {
    if (parts_.size() >= kMostParts) {
      if (!told_of_many_) problems_.push_back("more than 256 parts: the rest is left out");
      told_of_many_ = true;
      return;
    }
    if (header.encoding == "base64") {
      auto decoded = from_mime_base64(body);
      if (!decoded) return problems_.push_back("a part of type " + printable(header.type) + ": damaged base64");
      parts_.push_back({header.type, std::move(*decoded)});
    } else if (header.encoding == "quoted-printable") {
      parts_.push_back({header.type, from_quoted_printable(body)});
    } else {
      parts_.push_back({header.type, Bytes(body)});
    }
  }

  static Result<Bytes> from_mime_base64(ByteView text) {
    Bytes packed;
    for (const char c : text)
      if (c != '\r' && c != '\n' && c != ' ' && c != '\t') packed += c;
    return from_base64(packed);
  }

  std::vector<std::string>& problems_;
  std::vector<MimePart> parts_;
  bool told_of_many_ = false;
};
}  // namespace

bool is_multipart(ByteView text) { return take_header(text).type.starts_with("multipart/"); }

std::vector<MimePart> parts_of(ByteView message, std::vector<std::string>& problems) {
  MimeReader reader(problems);
  reader.read(message, 0);
  return reader.take();
}

}  // namespace granary
