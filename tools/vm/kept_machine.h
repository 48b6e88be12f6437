// KeptMachine: a machine that stays, with a name: its folder holds what it is and its disk; while it runs, one process
// of ours in the background keeps QEMU and the repository's server, and ends with them.
//
//   machine.json  what was asked for     disk.qcow2  its disk        seed.img, id_ed25519  how one gets in (mode 0600)
//   running.json  of the newest start    lock        held by the keeper: whether it runs does not depend on numbers
//   first.id      the snapshot that it first came up with, to which a reset returns
//   console.log   of the newest start    *.sock      QEMU's monitor and serial console
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "tools/vm/boot_watch.h"
#include "tools/vm/machine_request.h"
#include "tools/vm/process_identity.h"
#include "tools/vm/run_machine.h"

namespace granary {

// What the keeper tells: running.json.
struct RunningMachine {
  ProcessIdentity keeper, qemu;
  uint16_t ssh_port = 0;
  bool kvm = false;
  std::string url;
  int64_t started_at = 0;       // UTC
  unsigned completions = 0;     // how often it has said that it is complete, reboots included
  BootComplete complete;        // the newest
  double complete_seconds = 0;  // from the start to the first
  HttpServer::Counters served;  // until then, of a repository that is a directory

  OrderedJson json() const;
  static RunningMachine parse(const OrderedJson& json);
};

class KeptMachine {
 public:
  // ${XDG_STATE_HOME:-~/.local/state}/granary/vms
  static std::string all_folder();
  static std::vector<std::string> names();
  // kInvalid: no name for a machine
  static Status check_name(const std::string& name);
  // kNotFound: there is none
  static Result<KeptMachine> open(const std::string& name);
  // kBusy: there is one already. Its request's paths are kept as they are: absolute.
  static Result<KeptMachine> create(const MachineRequest& request);

  const std::string& folder() const { return folder_; }
  const MachineRequest& request() const { return request_; }
  std::string path(const char* file) const { return folder_ + "/" + file; }

  // The keeper's newest word; nothing when it does not run, whatever files say.
  std::optional<RunningMachine> running() const;
  bool is_running() const;

  // In the background; on return QEMU runs.   kBusy: it runs already. Before this process has threads.
  Status start(Io& io) const;
  // Waits for the boot-complete mark of this start.   kUnavailable: as run_until_complete; the machine is left alone.
  Result<Booted> await_complete(const UntilComplete& how, Io& io) const;
  // By the power button; after `patience` by its plug. True: by the button.
  Result<bool> stop(std::chrono::seconds patience, Io& io) const;
  // By its plug, at once.
  Status cut_off() const;
  // The snapshot that it first came up with; empty: it never has.
  std::string first_snapshot() const;
  // Its first start with an empty disk is complete, with this snapshot: a later one changes nothing.
  Status note_first_snapshot(const std::string& snapshot) const;

  // As it was at first: an empty disk again, or that which it was made from, and the snapshot that it first came up
  // with, whatever its branch has become. It has been stopped.
  Status reset();
  Status remove() const;

  // This terminal becomes its serial console, until Ctrl-] or the machine's end.   kBusy: somebody sits there
  Status console(Io& io) const;
  // ssh's words to get in.   kInvalid: it has no way in
  Result<std::vector<std::string>> ssh_words(const std::string& user, const std::vector<std::string>& words) const;

 private:
  KeptMachine(std::string folder, MachineRequest request) : folder_(std::move(folder)), request_(std::move(request)) {}
  Status store() const;

  std::string folder_;
  MachineRequest request_;
};

}  // namespace granary
