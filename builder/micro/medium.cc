#include "builder/micro/medium.h"

#include <sys/stat.h>

#include "fs/base/file.h"

namespace granary {

namespace {
constexpr size_t kMaxToolFileBytes = 16 << 20;

Error missing(const std::string& thing, const char* package) {
  return {Code::kNotFound,
          str("this format is made with ", thing, ", which is not installed: apt-get install ", package)};
}
}  // namespace

uint32_t MediumContent::number(std::string_view use) const {
  const Digest digest = Digest::of(str(identity.hex(), " ", use));
  uint32_t number = 0;
  std::memcpy(&number, digest.raw().data(), sizeof number);
  return number == 0 ? 1 : number;
}

std::string MediumContent::uuid(std::string_view use) const {
  Bytes raw(Digest::of(str(identity.hex(), " ", use)).raw().substr(0, 16));
  raw[6] = static_cast<char>((raw[6] & 0x0F) | 0x80);  // RFC 9562, version 8
  raw[8] = static_cast<char>((raw[8] & 0x3F) | 0x80);
  std::string text = to_hex(raw);
  for (const size_t at : {20, 16, 12, 8}) text.insert(at, "-");
  return text;
}

Status write_kernel_and_initrd(const MediumContent& content, const std::string& scratch, const std::string& path) {
  static_cast<void>(scratch);
  TRY(make_directories(path));
  TRY(replace_file(path + "/vmlinuz", content.kernel, 0644, Durability::kFast));
  TRY(replace_file(path + "/initrd", content.initrd, 0644, Durability::kFast));
  return replace_file(path + "/cmdline", content.command_line + "\n", 0644, Durability::kFast);
}

Status run_maker(const MediumContent& content, std::vector<std::string> words, const char* package,
                 std::vector<std::string> environment) {
  const std::string name = words.front();
  Program program;
  program.words = std::move(words);
  program.environment = std::move(environment);
  program.environment->insert(program.environment->end(), {"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C", "TZ=UTC",
                                                           str("SOURCE_DATE_EPOCH=", content.time)});
  program.output = Program::Stream::kDiscard;
  program.errors = Program::Stream::kCapture;
  const auto end = run_program_well(program);
  if (end) return Done{};
  if (end.error().code == Code::kNotFound) return missing(name, package);
  if (end.error().message.find("No space left") != std::string::npos) return Error{Code::kNoSpace, end.error().message};
  return end.error();
}

Result<Bytes> file_of_package(const std::string& path, const char* package) {
  auto content = read_file(path, kMaxToolFileBytes);
  if (!content && content.error().code == Code::kNotFound) return missing(path, package);
  return content;
}

}  // namespace granary
