#include "tools/vm/acceleration.h"

#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <cstring>

#include "fs/base/file.h"
#include "fs/base/program.h"

namespace granary {

namespace {
constexpr const char* kDevice = "/dev/kvm";
constexpr std::chrono::seconds kPatience{2};
constexpr int kAnswer = 33;  // isa-debug-exit makes 2 * 0x10 + 1 of what is written

// A boot sector:  mov dx, 0xf4;  mov al, 0x10;  out dx, al;  hlt;  jmp to the hlt.
Bytes answering_guest() {
  Bytes sector("\xba\xf4\x00\xb0\x10\xee\xf4\xeb\xfd", 9);
  sector.resize(510, '\0');
  return sector + "\x55\xaa";
}

bool answers(const std::string& qemu) {
  const auto folder = TemporaryDirectory::make();
  if (!folder) return false;
  const std::string disk = folder->path() + "/guest";
  if (!replace_file(disk, answering_guest(), 0600, Durability::kFast)) return false;
  Program program;
  program.words = {qemu,
                   "-accel",
                   "kvm",
                   "-cpu",
                   "max",
                   "-m",
                   "32",
                   "-display",
                   "none",
                   "-nodefaults",
                   "-no-reboot",
                   "-device",
                   "isa-debug-exit,iobase=0xf4,iosize=4",
                   "-drive",
                   "file=guest,format=raw,if=ide,snapshot=on"};
  program.directory = folder->path();
  program.output = program.errors = Program::Stream::kCapture;
  program.timeout = kPatience;
  const auto end = run_program(program);
  return end && end->status == kAnswer;
}

// What the answer depends on.
std::string circumstances(const std::string& qemu) {
  const auto boot = read_file("/proc/sys/kernel/random/boot_id", 100);
  struct stat program {};
  ::stat(qemu.c_str(), &program);
  return str(boot ? *boot : "", program.st_mtim.tv_sec, " ", program.st_ino, "\n");
}

bool probe(const std::string& qemu, const std::string& cache_folder) {
  const std::string kept = cache_folder + "/kvm";
  const std::string now = circumstances(qemu);
  if (const auto before = read_file(kept, 1000)) {
    if (*before == now + "works") return true;
    if (*before == now + "fails") return false;
  }
  const bool works = answers(qemu);
  // Not kept: asked again the next time.
  if (make_directories(cache_folder))
    static_cast<void>(replace_file(kept, now + (works ? "works" : "fails"), 0644, Durability::kFast));
  return works;
}
}  // namespace

Acceleration probe_acceleration(const std::string& qemu, const std::string& cache_folder) {
  if (!exists(kDevice)) return {false, "there is no /dev/kvm"};
  if (::access(kDevice, R_OK | W_OK) != 0)
    return {false, str("/dev/kvm: ", std::strerror(errno), "; members of the group kvm may use it")};
  if (!probe(qemu, cache_folder)) return {false, "/dev/kvm is there, but a guest does not answer in it"};
  return {true, ""};
}

}  // namespace granary
