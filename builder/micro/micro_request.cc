#include <algorithm>
#include <set>

#include "builder/micro/certificates.h"
#include "fs/base/file.h"
#include "fs/format/trust_file.h"

namespace granary {

namespace {
constexpr size_t kMaxCertificateBytes = 16 << 20;
constexpr size_t kMaxCommandLineBytes = 1800;  // x86 takes 2048, and boot loaders add to it

bool is_name(std::string_view text) {
  const auto fits = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
           c == '-';
  };
  return !text.empty() && text.size() <= 200 && text.front() != '.' && std::all_of(text.begin(), text.end(), fits);
}

bool is_line(std::string_view text) {
  return std::none_of(text.begin(), text.end(),
                      [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
}

Status check_urls(const std::string& list) {
  std::string_view rest = list;
  while (!rest.empty()) {
    const size_t end = std::min(rest.find(','), rest.size());
    const std::string_view url = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (url.starts_with("http://") || url.starts_with("https://")) continue;
    return Error{Code::kBadUrl, str("the machine cannot reach ", printable(url),
                                    ": name the repository as it is found over the network, http:// or https://")};
  }
  return Done{};
}

Status check_trusts(const MicroRequest& request) {
  std::set<std::string> names;
  for (const auto& [name, path] : request.trusts) {
    TRY(TrustFile::load(path));
    if (!is_name(name))
      return Error{Code::kInvalid, str(printable(name), " is no name for a trust: letters, digits, . _ - only")};
    if (!names.insert(name).second)
      return Error{Code::kConflict, str("two trusts are called ", name, ": give one another name, --trust NAME=FILE")};
  }
  if (names.empty())
    return Error{
        Code::kInvalid,
        "an image without a trust believes nobody: name the repository's trust file with --trust (granary init "
        "wrote it)"};
  for (const auto& [name, value] : request.settings) {
    if (name == "trust" && !names.contains(value))
      return Error{Code::kNotFound, str("the setting trust names ", printable(value), ", which is not among --trust")};
  }
  return Done{};
}
}  // namespace

Status check_request(const MicroRequest& request) {
  for (const auto& [name, value] : request.settings) {
    if (!is_name(name) || !is_line(value))
      return Error{Code::kInvalid, str("not a setting: ", printable(name), "=", printable(value))};
    if (name == "repository") TRY(check_urls(value));
  }
  TRY(check_trusts(request));
  if (!is_line(request.command_line)) return Error{Code::kInvalid, "a kernel command line is one line of text"};
  const size_t length = kernel_command_line(request).size();
  if (length > kMaxCommandLineBytes)
    return Error{Code::kInvalid, str("the kernel command line has ", length, " bytes, and ", kMaxCommandLineBytes,
                                     " is the most: bake settings in with --set instead")};
  return Done{};
}

std::string kernel_command_line(const MicroRequest& request) {
  std::string line;
  const std::vector<std::string> usual{"tty0", "ttyS0,115200"};
  for (const std::string& console : request.consoles.empty() ? usual : request.consoles)
    line += "console=" + console + " ";
  line += "panic=10";
  if (!request.command_line.empty()) line += " " + request.command_line;
  return line;
}

std::string micro_config(const MicroRequest& request) {
  std::string text = "# Said by who built this image; docs/booting.md tells what can be said.\n";
  bool chosen = request.trusts.size() <= 1;
  for (const auto& [name, value] : request.settings) {
    text += name + " = " + value + "\n";
    chosen = chosen || name == "trust";
  }
  if (!chosen) text += "trust = " + request.trusts.front().first + "\n";
  return text;
}

Result<Bytes> certificates(const MicroRequest& request) {
  constexpr const char* kHosts = "/etc/ssl/certs/ca-certificates.crt";
  const std::string path = request.ca_file.empty() ? kHosts : request.ca_file;
  auto pem = read_file(path, kMaxCertificateBytes);
  if (!pem && request.ca_file.empty())
    return Error{pem.error().code, str("this host has no certificates of authorities for HTTPS (", kHosts,
                                       "): apt-get install ca-certificates, or name a file with --ca")};
  if (!pem) return pem.error().within("cannot read the certificates");
  if (pem->find("-----BEGIN CERTIFICATE-----") == pem->npos)
    return Error{Code::kInvalid, printable(path) + " holds no certificate (PEM)"};
  return pem;
}

}  // namespace granary
