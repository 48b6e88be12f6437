// gpgv says what it found on its status file descriptor (GnuPG's doc/DETAILS), which nothing in the file can forge; its
// exit status is of no use, for it is a failure already when one of several signers is not in the keyring.
#include "builder/archive/signed_release.h"

#include <algorithm>

#include "builder/debian/control.h"
#include "fs/base/file.h"
#include "fs/base/program.h"

namespace granary {

namespace {
constexpr size_t kMaxReleaseBytes = 64 << 20;
constexpr std::string_view kBegin = "-----BEGIN PGP SIGNED MESSAGE-----";

// One signature, as far as the status lines have told.
struct Signature {
  bool bad = false, expired = false, revoked = false;
  UnixSeconds key_expiry = 0;
};

struct Findings {
  std::vector<std::string> good;
  std::vector<std::string> unknown;  // ids of keys that we do not have
  std::string trouble;               // why one does not count
  bool bad = false;
};

UnixSeconds number_of(std::string_view text) {
  UnixSeconds number = 0;
  for (const char c : text.substr(0, 12)) {
    if (c < '0' || c > '9') break;
    number = number * 10 + (c - '0');
  }
  return number;
}

void accept(const Signature& signature, std::string_view rest, UnixSeconds as_of, Findings& findings) {
  const std::string_view fingerprint = next_word(rest);
  std::string_view primary = fingerprint;
  for (std::string_view word = next_word(rest); !word.empty(); word = next_word(rest)) primary = word;
  const bool out_of_date = signature.expired && (signature.key_expiry == 0 || signature.key_expiry < as_of);
  if (!out_of_date && !signature.revoked && !signature.bad) return findings.good.emplace_back(primary), void();
  findings.trouble = str("key ", fingerprint, signature.revoked ? " has been revoked" : " has expired");
}

Findings read_status(std::string_view status, UnixSeconds as_of) {
  Findings findings;
  Signature signature;
  while (!status.empty()) {
    std::string_view line = next_line(status);
    if (next_word(line) != "[GNUPG:]") continue;
    const std::string_view keyword = next_word(line);
    if (keyword == "NEWSIG") signature = {};
    if (keyword == "KEYEXPIRED") signature.key_expiry = number_of(next_word(line));
    if (keyword == "EXPKEYSIG" || keyword == "EXPSIG") signature.expired = true;
    if (keyword == "REVKEYSIG") signature.revoked = true;
    if (keyword == "BADSIG") findings.bad = signature.bad = true;
    if (keyword == "NO_PUBKEY") findings.unknown.emplace_back(next_word(line));
    if (keyword == "VALIDSIG") accept(signature, line, as_of, findings);
  }
  std::sort(findings.good.begin(), findings.good.end());
  findings.good.erase(std::unique(findings.good.begin(), findings.good.end()), findings.good.end());
  return findings;
}

Error untrusted(const Findings& findings, const ProgramEnd& end) {
  if (findings.bad) return {Code::kUntrusted, "its signature is bad: it was changed after it was signed"};
  if (!findings.trouble.empty()) return {Code::kUntrusted, "no signature counts: " + findings.trouble};
  if (findings.unknown.empty())
    return {Code::kUntrusted, str("it is not signed as it should be (gpgv: ", printable(trimmed(end.errors)), ")")};
  std::string keys;
  for (const std::string& key : findings.unknown) keys += (keys.empty() ? "" : ", ") + key;
  return {Code::kUntrusted, str("it is signed by ", keys,
                                ", which is not in the archive's keyring: a newer keyring package (such as "
                                "debian-archive-keyring) may have it")};
}

// Nothing before, between or after: one signed message.
bool is_one_message(ByteView inrelease) {
  return inrelease.starts_with(kBegin) && inrelease.find(str("\n", kBegin)) == ByteView::npos;
}
}  // namespace

Result<SignedText> verify_inrelease(ByteView inrelease, ByteView keyring, UnixSeconds as_of) {
  if (!is_one_message(inrelease)) return Error{Code::kUntrusted, "it is not one signed message"};
  const TemporaryDirectory work = TRY(TemporaryDirectory::make());
  const std::string in = work.path() + "/InRelease", out = work.path() + "/Release", keys = work.path() + "/keys.gpg";
  TRY(replace_file(in, inrelease, 0600, Durability::kFast));
  TRY(replace_file(keys, keyring, 0600, Durability::kFast));
  Program gpgv;
  gpgv.words = {"gpgv", "--homedir", work.path(), "--status-fd", "1", "--weak-digest",
                "SHA1", "--keyring", keys,        "--output",    out, in};
  gpgv.environment = std::vector<std::string>{"PATH=/usr/bin:/bin:/usr/local/bin", "LC_ALL=C"};
  gpgv.input = Bytes();
  gpgv.output = gpgv.errors = Program::Stream::kCapture;
  gpgv.timeout = std::chrono::minutes(2);
  const ProgramEnd end = TRY_WITHIN("cannot check signatures (is the package gpgv installed?)", run_program(gpgv));
  Findings findings = read_status(end.output, as_of);
  if (findings.bad || findings.good.empty()) return untrusted(findings, end);
  return SignedText{TRY(read_file(out, kMaxReleaseBytes)), std::move(findings.good)};
}

}  // namespace granary
