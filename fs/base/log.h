// The log: one event a line, stable words first, then key=value pairs.
//   info publish committed repository=sw.example.org revision=42 objects=118
// error: someone must act. warn: we recovered. info: once per mount or transaction. debug: per request.
// Safe from many threads; a line is written with one write(2). Secrets never reach it.
#pragma once

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

// Lines above `level` are dropped. Starts at kWarn.
void set_level(Level level);
// Where lines go; starts as standard error. The caller keeps the descriptor open.
void set_descriptor(int fd);
// Quotes a value that holds spaces, quotes or unprintable bytes; takes line breaks out of it.
void write(Level level, const char* event, const std::vector<Field>& fields);

inline void error(const char* event, const std::vector<Field>& fields) { write(Level::kError, event, fields); }
inline void warn(const char* event, const std::vector<Field>& fields) { write(Level::kWarn, event, fields); }
inline void info(const char* event, const std::vector<Field>& fields) { write(Level::kInfo, event, fields); }
inline void debug(const char* event, const std::vector<Field>& fields) { write(Level::kDebug, event, fields); }

}  // namespace granary::log
