// A kernel module that says things about itself and does nothing: an ELF64 object with .modinfo alone.
#pragma once

#include <elf.h>

#include <string>
#include <vector>

#include "fs/base/bytes.h"

namespace granary {

// `words`: "depends=crc16,jbd2", "alias=pci:v00001AF4d*"; its name is added.
inline Bytes test_module(const std::string& name, const std::vector<std::string>& words = {},
                         const std::string& another_section = ".text") {
  Bytes modinfo;
  for (const std::string& word : words) modinfo += word + '\0';
  modinfo += "name=" + name + '\0';
  const Bytes names = Bytes(1, '\0') + ".modinfo" + '\0' + ".shstrtab" + '\0' + another_section + '\0';

  Elf64_Ehdr header{};
  std::memcpy(header.e_ident, ELFMAG, SELFMAG);
  header.e_ident[EI_CLASS] = ELFCLASS64;
  header.e_ident[EI_DATA] = ELFDATA2LSB;
  header.e_type = ET_REL;
  header.e_shentsize = sizeof(Elf64_Shdr);
  header.e_shnum = 4;
  header.e_shstrndx = 2;
  header.e_shoff = sizeof header + modinfo.size() + names.size();

  Elf64_Shdr sections[4]{};
  sections[1].sh_name = 1;
  sections[1].sh_type = SHT_PROGBITS;
  sections[1].sh_offset = sizeof header;
  sections[1].sh_size = modinfo.size();
  sections[2].sh_name = 10;
  sections[2].sh_type = SHT_STRTAB;
  sections[2].sh_offset = sizeof header + modinfo.size();
  sections[2].sh_size = names.size();
  sections[3].sh_name = 20;
  sections[3].sh_type = SHT_NOBITS;

  Bytes out(reinterpret_cast<const char*>(&header), sizeof header);
  out += modinfo + names;
  out.append(reinterpret_cast<const char*>(sections), sizeof sections);
  return out;
}

}  // namespace granary
