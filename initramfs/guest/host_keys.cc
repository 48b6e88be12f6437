#include "initramfs/guest/host_keys.h"

#include "fs/base/file.h"
#include "fs/base/program.h"
#include "initramfs/machine.h"
#include "initramfs/os_files.h"
#include "initramfs/paths.h"

namespace granary {

namespace {
constexpr const char* kKeyMaker = "/usr/bin/ssh-keygen";

Status make_keys(std::vector<std::string> words) {
  Program program;
  program.words = std::move(words);
  program.output = program.errors = Program::Stream::kCapture;
  program.timeout = std::chrono::minutes(10);
  TRY_WITHIN("cannot make ssh host keys", run_program_well(program));
  return Done{};
}
}  // namespace

Status make_first_host_keys() {
  for (const char* type : {"ed25519", "ecdsa"}) {
    const std::string path = str("/etc/ssh/ssh_host_", type, "_key");
    if (!exists(path)) TRY(make_keys({kKeyMaker, "-q", "-t", type, "-N", "", "-C", "", "-f", path}));
  }
  return Done{};
}

Status make_other_host_keys() {
  TRY(make_keys({kKeyMaker, "-A"}));
  const StartedMachine machine = TRY(load_machine());
  if (!machine.persistent) keep_host_keys("", paths::kStateFolder);
  return Done{};
}

}  // namespace granary
