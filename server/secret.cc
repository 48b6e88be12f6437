#include "server/secret.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

#include "fs/base/file.h"

namespace granary {

namespace {
constexpr size_t kMaxSecretFileBytes = 64 << 10;

Secret first_line(const Secret& text) {
  return Secret(Bytes(text.view().substr(0, text.view().find_first_of("\r\n"))));
}

// The terminal with its echo off, until this goes.
class SilentTerminal {
 public:
  explicit SilentTerminal(int fd) : fd_(fd), is_terminal_(tcgetattr(fd, &before_) == 0) {
    if (!is_terminal_) return;
    termios silent = before_;
    silent.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    tcsetattr(fd_, TCSAFLUSH, &silent);
  }
  SilentTerminal(const SilentTerminal&) = delete;
  SilentTerminal& operator=(const SilentTerminal&) = delete;
  ~SilentTerminal() {
    if (is_terminal_) tcsetattr(fd_, TCSAFLUSH, &before_);
  }

 private:
  const int fd_;
  termios before_{};
  const bool is_terminal_;
};

Result<Secret> read_line(int fd) {
  char line[1024];  // one place, wiped below; no buffer of a stream keeps a copy
  size_t length = 0;
  while (length < sizeof line) {
    const ssize_t n = ::read(fd, line + length, 1);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0 || line[length] == '\n') break;
    ++length;
  }
  Secret secret{Bytes(line, length)};
  OPENSSL_cleanse(line, sizeof line);
  if (length == sizeof line) return Error{Code::kInvalid, "the passphrase is longer than 1023 bytes"};
  return secret;
}

Result<Secret> prompt(int terminal, const std::string& question) {
  const SilentTerminal silent(terminal);
  TRY(write_all(terminal, question));
  Secret answer = TRY(read_line(terminal));
  TRY(write_all(terminal, "\n"));
  return answer;
}

Result<Secret> ask(const std::string& what, bool twice) {
  if (const char* path = std::getenv("GRANARY_PASSPHRASE_FILE"); path != nullptr && *path != '\0') {
    const Secret text = TRY_WITHIN("cannot read $GRANARY_PASSPHRASE_FILE", read_secret_file(path));
    return first_line(text);
  }
  const UniqueFd terminal(::open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY));
  if (!terminal.valid())
    return Error{Code::kInvalid, str("needs the passphrase of ", what,
                                     ", and there is no terminal to ask at; "
                                     "set GRANARY_PASSPHRASE_FILE to a file that holds it")};
  Secret answer = TRY(prompt(terminal.get(), twice ? str("New passphrase for ", what, " (empty: none): ")
                                                   : str("Passphrase for ", what, ": ")));
  if (!twice || answer.empty()) return answer;
  const Secret again = TRY(prompt(terminal.get(), "Again: "));
  if (again.view() != answer.view()) return Error{Code::kInvalid, "the two passphrases differ"};
  return answer;
}
}  // namespace

Result<Secret> ask_passphrase(const std::string& what) { return ask(what, false); }
Result<Secret> ask_new_passphrase(const std::string& what) { return ask(what, true); }

Result<Secret> read_secret_file(const std::string& path) {
  const UniqueFd fd = TRY(open_file(path, O_RDONLY));
  struct stat info {};
  if (::fstat(fd.get(), &info) != 0) return system_error(errno, "cannot stat " + printable(path));
  if ((info.st_mode & 077) != 0)
    return Error{Code::kPermission, str(printable(path), " can be read by others; run: chmod 600 ", printable(path))};
  Bytes bytes(kMaxSecretFileBytes, '\0');  // at once, so that no copy is left behind by growing
  size_t length = 0;
  while (length < bytes.size()) {
    const ssize_t n = ::read(fd.get(), bytes.data() + length, bytes.size() - length);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return system_error(errno, "cannot read " + printable(path));
    if (n == 0) break;
    length += static_cast<size_t>(n);
  }
  if (length == bytes.size())
    return Error{Code::kInvalid, str(printable(path), " is too long to be a key or a passphrase")};
  bytes.resize(length);
  return Secret(std::move(bytes));
}

}  // namespace granary
