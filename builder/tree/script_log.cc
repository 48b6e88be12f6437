#include "builder/tree/script_log.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <algorithm>

#include "fs/base/file.h"

namespace granary {

namespace {
constexpr off_t kShownBytes = 4000;
constexpr std::string_view kProcessing = "dpkg: error processing ";

// The words between two marks, after `from`.
std::string between(const std::string& text, size_t from, std::string_view begin, std::string_view end) {
  const size_t at = text.find(begin, from);
  if (at == std::string::npos) return {};
  const size_t start = at + begin.size();
  return text.substr(start, std::min(text.find(end, start), text.size()) - start);
}
}  // namespace

Result<ScriptLog> ScriptLog::open(const std::string& path) {
  if (!path.empty()) return ScriptLog(TRY(open_file(path, O_RDWR | O_CREAT | O_APPEND, 0644)));
  UniqueFd file(::memfd_create("log", MFD_CLOEXEC));
  if (!file.valid()) return system_error(errno, "cannot make a file in memory");
  ::fcntl(file.get(), F_SETFL, O_APPEND);
  return ScriptLog(std::move(file));
}

void ScriptLog::begin(const std::string& what) {
  static_cast<void>(write_all(file_.get(), "== " + what + "\n"));
  last_ = ::lseek(file_.get(), 0, SEEK_END);
}

std::string ScriptLog::end_of_last() const {
  struct stat attributes {};
  if (::fstat(file_.get(), &attributes) != 0) return {};
  const off_t begin = std::max(last_, attributes.st_size - kShownBytes);
  auto text = read_at(file_.get(), begin, static_cast<size_t>(attributes.st_size - begin));
  if (!text) return {};
  if (begin > last_) text->erase(0, text->find('\n') + 1);
  while (text->ends_with('\n')) text->pop_back();
  return *text;
}

Error ScriptLog::failure(const std::string& package, const std::string& script, int status) const {
  return {Code::kInvalid,
          str("the ", script, " script of ", package, " failed with status ", status, ":\n", end_of_last())};
}

Error ScriptLog::dpkg_failure(int status) const {
  const std::string said = end_of_last();
  const size_t at = said.find(kProcessing);
  const std::string package = between(said, at == std::string::npos ? said.size() : at, "package ", " ");
  const std::string script =
      between(said, at == std::string::npos ? said.size() : at, "installed " + package + " package ", " script");
  const std::string script_status =
      between(said, at == std::string::npos ? said.size() : at, "error exit status ", "\n");
  if (package.empty()) return {Code::kInvalid, str("dpkg failed with status ", status, ":\n", said)};
  if (script.empty()) return {Code::kInvalid, str("dpkg could not install ", package, ":\n", said)};
  return {Code::kInvalid,
          str("the ", script, " script of ", package, " failed with status ", script_status, ":\n", said)};
}

}  // namespace granary
