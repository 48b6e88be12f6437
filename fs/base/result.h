// Result<T>: a value, or an Error that says what the caller should do about it.
// The names follow std::expected, so that this can become an alias once both of
// our compilers have it. `assert` is for our own mistakes, Result for the world's.
#pragma once

#include <optional>
#include <sstream>
#include <string>
#include <utility>
#include <variant>

namespace granary {

// What went wrong, named by what the caller does next. The numbers are the exit
// statuses of every Granary command and never change (docs/operations.md).
enum class Code : int {
  kInvalid = 3,           // the request or the input is wrong: tell the user
  kNotFound = 4,          // not here; another source may have it
  kUnavailable = 5,       // could not tell: worth a retry
  kCorrupt = 6,           // the bytes are not what they claim: fetch them elsewhere
  kUntrusted = 7,         // a signature or a key is missing or wrong: stop
  kExpired = 8,           // authentic but stale: stop, unless the user asked for an archive
  kConflict = 9,          // somebody else changed the same thing: nothing was done
  kNoSpace = 10,          // a disk or a quota is full
  kBusy = 11,             // in use by somebody else: later
  kNotARepository = 12,   // there is no Granary repository at this place
  kNoFuse = 13,           // /dev/fuse is missing or not permitted
  kBadTrustFile = 14,     // the trust file is unreadable or is not one
  kBadUrl = 15,           // not a URL we can fetch from
  kPermission = 16,       // the operating system refused
  kUnsupported = 17,      // needs a newer Granary, or cannot be represented
  kRollback = 20,         // older than what this client has already seen: stop
  kMixAndMatch = 21,      // parts of different states presented as one: stop
  kEndlessData = 22,      // more bytes than the thing can have: stop
  kWrongRepository = 23,  // signed, but for another repository: stop
  kEquivocation = 24,     // two different signed records with one revision: stop
  kInternal = 30,         // a defect of ours, or the operating system's
};

const char* name_of(Code code);

struct Error {
  Code code;
  std::string message;  // lower case, outside in: "cannot publish: cannot read /a/b: permission denied"

  // The same error, told from one step further out.
  Error within(const std::string& context) const { return {code, context + ": " + message}; }
};

// Text built from anything that can be streamed.
template <class... Parts>
std::string str(const Parts&... parts) {
  std::ostringstream out;
  (out << ... << parts);
  return std::move(out).str();
}

template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}

  bool has_value() const { return state_.index() == 0; }
  explicit operator bool() const { return has_value(); }
  T& value() & { return std::get<0>(state_); }
  const T& value() const& { return std::get<0>(state_); }
  T&& value() && { return std::get<0>(std::move(state_)); }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }
  const Error& error() const { return std::get<1>(state_); }
  T value_or(T fallback) const { return has_value() ? value() : std::move(fallback); }

 private:
  std::variant<T, Error> state_;
};

struct Done {};
using Status = Result<Done>;

// TRY(expression): its value, or return its error to our own caller. May be nested.
// Not behind the first member of a braced list: what was made of the list would leak (tests/tidy/braces_test.py).
#define TRY(expression) GRANARY_TRY_AS(GRANARY_UNIQUE(try_result_), expression, )
// The same, but the error is first told from our point of view.
#define TRY_WITHIN(context, expression) GRANARY_TRY_AS(GRANARY_UNIQUE(try_result_), expression, .within(context))

#define GRANARY_TRY_AS(result, expression, told)         \
  ({                                                     \
    auto result = (expression);                          \
    if (!result.has_value()) return result.error() told; \
    std::move(*result);                                  \
  })
#define GRANARY_UNIQUE(name) GRANARY_JOINED(name, __COUNTER__)
#define GRANARY_JOINED(a, b) GRANARY_JOINED_EXPANDED(a, b)
#define GRANARY_JOINED_EXPANDED(a, b) a##b

}  // namespace granary
