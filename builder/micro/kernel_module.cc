// Layout of ELF64 as elf(5) tells it; keys of .modinfo as include/linux/module.h writes them.
#include "builder/micro/kernel_module.h"

#include <elf.h>

#include <algorithm>
#include <optional>

namespace granary {

namespace {
Error damaged(const char* why) { return {Code::kCorrupt, str("not a kernel module: ", why)}; }

template <class T>
std::optional<T> structure_at(ByteView bytes, uint64_t offset) {
  if (offset > bytes.size() || bytes.size() - offset < sizeof(T)) return std::nullopt;
  T value;
  std::memcpy(&value, bytes.data() + offset, sizeof value);
  return value;
}

std::optional<ByteView> content_of(ByteView bytes, const Elf64_Shdr& section) {
  if (section.sh_type == SHT_NOBITS) return ByteView();
  if (section.sh_offset > bytes.size() || section.sh_size > bytes.size() - section.sh_offset) return std::nullopt;
  return bytes.substr(section.sh_offset, section.sh_size);
}

// Up to the next NUL.
std::string_view text_at(ByteView bytes, uint64_t offset) {
  if (offset >= bytes.size()) return {};
  const ByteView rest = bytes.substr(offset);
  return rest.substr(0, rest.find('\0'));
}

std::vector<std::string> words_of(std::string_view text, const char* separators) {
  std::vector<std::string> words;
  while (!text.empty()) {
    const size_t end = std::min(text.find_first_of(separators), text.size());
    if (end > 0) words.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return words;
}

// "pre: crypto-crc32c other post: third": those before count.
void add_softdeps(std::string_view text, std::vector<std::string>& softdeps) {
  bool before = false;
  for (std::string& word : words_of(text, " \t")) {
    if (word.ends_with(':')) {
      before = word == "pre:";
    } else if (before) {
      softdeps.push_back(std::move(word));
    }
  }
}

void read_modinfo(ByteView modinfo, KernelModule& module) {
  while (!modinfo.empty()) {
    const std::string_view entry = text_at(modinfo, 0);
    modinfo.remove_prefix(std::min(entry.size() + 1, modinfo.size()));
    const size_t equals = entry.find('=');
    if (equals == entry.npos) continue;
    const std::string_view key = entry.substr(0, equals), value = entry.substr(equals + 1);
    if (key == "name") module.name = module_name(value);
    if (key == "alias") module.aliases.emplace_back(value);
    if (key == "softdep") add_softdeps(value, module.softdeps);
    if (key != "depends") continue;
    for (const std::string& word : words_of(value, ",")) module.depends.push_back(module_name(word));
  }
}
}  // namespace

std::string module_name(std::string_view text) {
  std::string name(text);
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}

Result<KernelModule> KernelModule::parse(ByteView bytes) {
  const auto header = structure_at<Elf64_Ehdr>(bytes, 0);
  if (!header || std::memcmp(header->e_ident, ELFMAG, SELFMAG) != 0) return damaged("it is no ELF file");
  if (header->e_ident[EI_CLASS] != ELFCLASS64 || header->e_ident[EI_DATA] != ELFDATA2LSB)
    return damaged("it is not of a 64-bit little-endian machine");
  if (header->e_shentsize != sizeof(Elf64_Shdr)) return damaged("its section headers are of an unknown size");
  const auto section_at = [&](uint64_t number) {
    if (header->e_shoff > bytes.size()) return std::optional<Elf64_Shdr>();
    return structure_at<Elf64_Shdr>(bytes, header->e_shoff + number * sizeof(Elf64_Shdr));
  };
  const auto names_section = section_at(header->e_shstrndx);
  const auto names = names_section ? content_of(bytes, *names_section) : std::nullopt;
  if (!names) return damaged("the names of its sections are missing");

  KernelModule module;
  bool found = false;
  for (uint64_t number = 0; number < header->e_shnum; ++number) {
    const auto section = section_at(number);
    if (!section) return damaged("it is cut off");
    const std::string_view name = text_at(*names, section->sh_name);
    if (name.starts_with(".debug_info")) module.has_debug = true;
    if (name != ".modinfo") continue;
    const auto content = content_of(bytes, *section);
    if (!content) return damaged("it is cut off");
    read_modinfo(*content, module);
    found = true;
  }
  if (!found || module.name.empty()) return damaged("it does not tell its name");
  return module;
}

}  // namespace granary
