#include "fs/base/log.h"

#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <set>

#include "fs/base/time.h"

namespace granary::log {

namespace {
std::atomic<Level> level_wanted{Level::kWarn};
std::atomic<int> descriptor{STDERR_FILENO};
std::atomic<Sink*> sink_in_use{nullptr};

constexpr size_t kMaxValueBytes = 8192;

std::string clean(const Field& field) {
  if (field.value.size() > kMaxValueBytes) return printable(field.value.substr(0, kMaxValueBytes)) + "...";
  return printable(without_passwords(field.value));
}

std::string quoted(const std::string& value) {
  if (!value.empty() && value.find_first_of(" \"=") == std::string::npos) return value;
  std::string out = "\"";
  for (const char c : value) {
    if (c == '"') out += '\\';
    out += c;
  }
  return out + "\"";
}

// `text` is printable already: UTF-8 without control bytes.
std::string json_string(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + "\"";
}
}  // namespace

void set_level(Level level) { level_wanted = level; }
void set_descriptor(int fd) { descriptor = fd; }
void set_sink(Sink* sink) { sink_in_use = sink; }

bool flush(std::chrono::milliseconds timeout) {
  Sink* const sink = sink_in_use.load(std::memory_order_acquire);
  return sink == nullptr || sink->flush(timeout);
}

void write(Level level, const char* event, const std::vector<Field>& fields) {
  if (level > level_wanted.load(std::memory_order_relaxed)) return;
  Line line{level, event, fields, std::chrono::system_clock::now()};
  if (Sink* const sink = sink_in_use.load(std::memory_order_acquire)) return sink->take(std::move(line));
  const std::string text = as_logfmt(line) + "\n";
  [[maybe_unused]] const ssize_t written = ::write(descriptor.load(), text.data(), text.size());
}

std::string as_logfmt(const Line& line) {
  std::string out = str(word_for(line.level), " ", line.event);
  for (const Field& field : line.fields) out += str(" ", field.key, "=", quoted(clean(field)));
  return out;
}

std::string as_json(const Line& line) {
  std::string out = str("{\"time\":\"", time_text(line), "\",\"level\":\"", word_for(line.level),
                        "\",\"event\":", json_string(line.event));
  std::set<std::string> taken{"time", "level", "event"};
  for (const Field& field : line.fields) {
    std::string key = field.key;
    while (!taken.insert(key).second) key += "_";
    out += str(",", json_string(key), ":", json_string(clean(field)));
  }
  return out + "}";
}

std::string time_text(const Line& line) {
  const auto since = line.time.time_since_epoch();
  const auto seconds = std::chrono::floor<std::chrono::seconds>(since);
  const auto millis = std::chrono::duration_cast<std::chrono::milliseconds>(since - seconds).count();
  std::string text = format_utc(seconds.count());
  char fraction[8];
  std::snprintf(fraction, sizeof fraction, ".%03dZ", static_cast<int>(millis));
  text.pop_back();
  return text + fraction;
}

const char* word_for(Level level) {
  switch (level) {
    case Level::kError: return "error";
    case Level::kWarn: return "warn";
    case Level::kInfo: return "info";
    case Level::kDebug: return "debug";
  }
  return "?";
}

std::string without_passwords(std::string text) {
  for (size_t at = text.find("://"); at != std::string::npos; at = text.find("://", at + 3)) {
    const size_t begin = at + 3;
    const size_t end = std::min(text.find_first_of("/?#\" '<>", begin), text.size());
    const size_t user_ends = text.rfind('@', end);
    if (user_ends == std::string::npos || user_ends < begin || user_ends >= end) continue;
    text.replace(begin, user_ends - begin, "***");
  }
  return text;
}

}  // namespace granary::log
