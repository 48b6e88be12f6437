// The log: one event a line, stable words first, then key=value pairs.
//   info publish committed repository=sw.example.org revision=42 objects=118
// error: someone must act. warn: we recovered. info: once per mount or transaction. debug: per request.
//
// Commands write a line to standard error with one write(2). A mount gives its lines to a Sink (fs/base/log_queue.h),
// so that nobody who reads ever waits for where they go. Safe from many threads. Secrets never reach it: a password in
// a URL is masked.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "fs/base/bytes.h"

namespace granary::log {

enum class Level { kError, kWarn, kInfo, kDebug };

struct Field {
  template <class T>
  Field(const char* name, const T& content) : key(name), value(str(content)) {}
  const char* key;
  std::string value;
};

struct Line {
  Level level = Level::kInfo;
  const char* event = "";  // a string constant
  std::vector<Field> fields;
  std::chrono::system_clock::time_point time;
};

// Sink: takes lines, without waiting for anything.
class Sink {
 public:
  virtual ~Sink() = default;
  virtual void take(Line line) = 0;
  // Waits until what it took has been written; false when that takes longer.
  virtual bool flush(std::chrono::milliseconds timeout) = 0;
};

// Lines above `level` are dropped. Starts at kWarn.
void set_level(Level level);
// Where lines go without a sink; starts as standard error. The caller keeps the descriptor open.
void set_descriptor(int fd);
// Where lines go instead; nullptr, as at the start: nowhere else. Borrows it.
void set_sink(Sink* sink);
// Before a process ends in haste. True when everything has been written.
bool flush(std::chrono::milliseconds timeout);

void write(Level level, const char* event, const std::vector<Field>& fields);

inline void error(const char* event, const std::vector<Field>& fields) { write(Level::kError, event, fields); }
inline void warn(const char* event, const std::vector<Field>& fields) { write(Level::kWarn, event, fields); }
inline void info(const char* event, const std::vector<Field>& fields) { write(Level::kInfo, event, fields); }
inline void debug(const char* event, const std::vector<Field>& fields) { write(Level::kDebug, event, fields); }

// "error read failed path=/a b=\"c d\"", without time and line break. Values that hold spaces, quotes or unprintable
// bytes are quoted; line breaks are taken out of them.
std::string as_logfmt(const Line& line);
// One JSON object: time, level, event, and the fields by their keys (one that is called so again gets a "_").
std::string as_json(const Line& line);
// "2026-11-21T14:52:15.123Z".
std::string time_text(const Line& line);
const char* word_for(Level level);

// "https://user:secret@host/" becomes "https://***@host/".
std::string without_passwords(std::string text);

}  // namespace granary::log
