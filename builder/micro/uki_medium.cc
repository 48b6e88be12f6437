#include "builder/micro/uki_medium.h"

#include <fcntl.h>

#include "fs/base/file.h"

namespace granary {

namespace {
constexpr const char* kStub = "/usr/lib/systemd/boot/efi/linuxx64.efi.stub";
constexpr uint64_t kLinuxAddress = 0x2000000;
constexpr uint64_t kAlignment = 1 << 20;

std::string hexadecimal(uint64_t number) { return str("0x", std::hex, number); }

// objcopy writes the clock's time into the header, and a sum over all of it, which nobody asks for in a program for
// UEFI (PE/COFF: at 8 and 88 behind the signature, whose place stands at 0x3C).
Status set_time(const std::string& path, UnixSeconds time) {
  const UniqueFd file = TRY(open_file(path, O_RDWR | O_CLOEXEC));
  const Bytes place = TRY(read_at(file.get(), 0x3C, 4));
  const uint32_t signature = ByteReader(place).u32();
  if (TRY(read_at(file.get(), signature, 4)) != ByteView("PE\0\0", 4))
    return Error{Code::kInternal, "objcopy wrote no program for UEFI"};
  TRY(write_all_at(file.get(), signature + 8, ByteWriter().u32(static_cast<uint32_t>(time)).view()));
  return write_all_at(file.get(), signature + 88, ByteWriter().u32(0).view());
}
}  // namespace

Status write_uki(const MediumContent& content, const std::string& scratch, const std::string& path) {
  TRY(file_of_package(kStub, "systemd-boot-efi"));
  const std::string release = "ID=granary\nNAME=Granary\nPRETTY_NAME=\"Granary micro image\"\n";
  const uint64_t initrd_address = (kLinuxAddress + content.kernel.size() + 2 * kAlignment) / kAlignment * kAlignment;
  const struct {
    const char* section;
    ByteView content;
    uint64_t address;
  } sections[] = {{".osrel", release, 0x20000},
                  {".cmdline", content.command_line, 0x30000},
                  {".linux", content.kernel, kLinuxAddress},
                  {".initrd", content.initrd, initrd_address}};
  std::vector<std::string> words{"objcopy"};
  for (const auto& [section, bytes, address] : sections) {
    const std::string file = scratch + "/" + section;
    TRY(replace_file(file, bytes, 0600, Durability::kFast));
    words.insert(words.end(), {"--add-section", str(section, "=", file), "--change-section-vma",
                               str(section, "=", hexadecimal(address))});
  }
  words.insert(words.end(), {kStub, path});
  TRY(run_maker(content, std::move(words), "binutils"));
  return set_time(path, content.time);
}

}  // namespace granary
