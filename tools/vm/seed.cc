#include "tools/vm/seed.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include "fs/base/file.h"
#include "fs/base/program.h"
#include "tools/vm/machine.h"

namespace granary {

namespace {
constexpr const char* kBoundary = "granary-boot-7d1f0b";
constexpr size_t kKeyLimitBytes = 64 << 10;
constexpr uint64_t kSmallestDisk = 1 << 20;
constexpr size_t kLargestDisk = size_t{128} << 20;

std::string trimmed(const std::string& text) {
  const size_t begin = text.find_first_not_of(" \t\r\n");
  return begin == std::string::npos ? "" : text.substr(begin, text.find_last_not_of(" \t\r\n") - begin + 1);
}

bool is_public_key(const std::string& line) {
  return line.starts_with("ssh-") || line.starts_with("ecdsa-") || line.starts_with("sk-");
}

Result<std::string> public_key_in(const std::string& file) {
  const std::string line = trimmed(TRY(read_file(file, kKeyLimitBytes)));
  if (!is_public_key(line) || line.find('\n') != std::string::npos)
    return Error{Code::kInvalid, printable(file) + " holds no public ssh key"};
  return line;
}

std::string section_of(const Seed& seed) {
  std::string out = "[granary]\n";
  for (const auto& [name, value] : seed.settings) out += str(name, " = ", value, "\n");
  return out;
}

// What is no text travels as base64.
std::string part_of(const char* type, const Bytes& content) {
  std::string out =
      str("--", kBoundary, "\nContent-Type: ", type, "\nMIME-Version: 1.0\nContent-Transfer-Encoding: base64\n\n");
  const std::string coded = to_base64(content);
  for (size_t at = 0; at < coded.size(); at += 76) out += coded.substr(at, 76) + "\n";
  return out;
}

const char* type_of(const Bytes& user_data) {
  if (user_data.starts_with("#cloud-config")) return "text/cloud-config";
  if (user_data.starts_with("#!")) return "text/x-shellscript";
  return "text/plain";
}

// One of mtools' on the image at `path`.
Status run_mtool(const std::string& path, std::vector<std::string> words, const std::string& folder) {
  Program program;
  program.words = std::move(words);
  program.words.insert(program.words.begin() + 1, {"-i", path});
  program.directory = folder;
  program.environment =
      std::vector<std::string>{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "MTOOLS_SKIP_CHECK=1", "LC_ALL=C.UTF-8"};
  program.output = Program::Stream::kDiscard;
  program.errors = Program::Stream::kCapture;
  TRY_WITHIN("cannot make a small disk", run_program_well(program));
  return Done{};
}
// With room for `bytes` of files.
Status format_disk(const std::string& image, const char* label, uint64_t bytes, const std::string& folder) {
  TRY(find_helper("mcopy", "mtools", "make a small disk"));
  TRY(open_file(image, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  const uint64_t sectors = std::max(kSmallestDisk, bytes + bytes / 4 + (256 << 10)) / (16 * 32 * 512) + 1;
  return run_mtool(image, {"mformat", "-C", "-v", label, "-t", std::to_string(sectors), "-h", "16", "-s", "32", "::"},
                   folder);
}
}  // namespace

Bytes meta_data_of(const Seed& seed) {
  std::string out = str("instance-id: ", seed.instance_id, "\nlocal-hostname: ", seed.hostname, "\n");
  if (!seed.ssh_keys.empty()) out += "public-keys:\n";
  for (const std::string& key : seed.ssh_keys) out += "  - " + key + "\n";
  return out;
}

Bytes user_data_of(const Seed& seed) {
  if (seed.settings.empty()) return seed.user_data.empty() ? "#cloud-config\n{}\n" : seed.user_data;
  if (seed.user_data.empty()) return section_of(seed);
  return str("MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=\"", kBoundary, "\"\n\n",
             part_of("text/plain", section_of(seed)), part_of(type_of(seed.user_data), seed.user_data), "--", kBoundary,
             "--\n");
}

Status write_seed_disk(const Seed& seed, const std::string& path) {
  const TemporaryDirectory files = TRY(TemporaryDirectory::make());
  const Bytes user_data = user_data_of(seed);
  TRY(replace_file(files.path() + "/user-data", user_data, 0600, Durability::kFast));
  TRY(replace_file(files.path() + "/meta-data", meta_data_of(seed), 0600, Durability::kFast));
  const std::string image = files.path() + "/disk";
  TRY(format_disk(image, "CIDATA", user_data.size(), files.path()));
  TRY(run_mtool(image, {"mcopy", "user-data", "meta-data", "::"}, files.path()));
  return replace_file(path, TRY(read_file(image, kLargestDisk)), 0600, Durability::kFast);
}

Status write_efi_disk(const std::string& program, const std::string& path) {
  const TemporaryDirectory files = TRY(TemporaryDirectory::make());
  const std::string image = files.path() + "/disk";
  TRY(format_disk(image, "EFI", TRY(read_file(program, kLargestDisk)).size(), files.path()));
  TRY(run_mtool(image, {"mmd", "::/EFI", "::/EFI/BOOT"}, files.path()));
  TRY(run_mtool(image, {"mcopy", program, "::/EFI/BOOT/BOOTX64.EFI"}, files.path()));
  return replace_file(path, TRY(read_file(image, 2 * kLargestDisk)), 0600, Durability::kFast);
}

Result<std::vector<std::string>> public_ssh_keys(const std::string& file) {
  std::vector<std::string> keys;
  if (!file.empty()) {
    const bool is_private = !file.ends_with(".pub") && exists(file + ".pub");
    keys.push_back(TRY(public_key_in(is_private ? file + ".pub" : file)));
    return keys;
  }
  const char* home = std::getenv("HOME");
  std::error_code failure;
  for (const auto& entry : std::filesystem::directory_iterator(str(home != nullptr ? home : "/", "/.ssh"), failure)) {
    if (entry.path().extension() != ".pub") continue;
    if (auto key = public_key_in(entry.path().string())) keys.push_back(std::move(*key));
  }
  std::sort(keys.begin(), keys.end());
  return keys;
}

Result<std::string> own_ssh_key(const std::string& path) {
  if (!exists(path)) {
    const std::string program = TRY(find_helper("ssh-keygen", "openssh-client", "make a key for the machine"));
    Program keygen;
    keygen.words = {program, "-q", "-t", "ed25519", "-N", "", "-C", "granary-boot", "-f", path};
    keygen.input = Bytes{};
    keygen.output = keygen.errors = Program::Stream::kCapture;
    TRY(run_program_well(keygen));
    ::chmod(path.c_str(), 0600);
  }
  return public_key_in(path + ".pub");
}

}  // namespace granary
