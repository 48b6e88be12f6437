// MachineRequest: what people ask `granary boot` for, and kept machines are kept as. prepare_machine makes a Machine of
// it, with what it needs in a folder of its own.
#pragma once

#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "server/http_server.h"
#include "tools/command.h"
#include "tools/vm/machine.h"

namespace granary {

struct MachineRequest {
  std::string name = "granary";
  std::string repository;  // a URL, or the absolute path of a repository that we serve as long as the machine runs
  std::string trust;       // absolute path; empty: the repository's own, if it is a directory
  std::string branch, tag, snapshot;
  uint64_t memory_bytes = uint64_t{1} << 30;
  unsigned cpus = 2;
  std::string context;      // absolute path of the user data
  std::string disk;         // absolute path; "none"; empty: an empty one that goes with the machine
  uint64_t disk_bytes = 0;  // of a disk that is made
  bool graphic = false;
  bool uefi = false;
  std::optional<uint16_t> ssh_port;  // 0: any that is free
  std::string ssh_key;               // absolute path
  std::string kernel;                // debian, tiny, or the absolute path of a bzImage
  std::string initrd;                // absolute path, with a kernel of one's own: nothing is built
  std::string image;                 // absolute path: starts from this instead
  std::vector<std::pair<std::string, std::string>> settings;  // initramfs/settings.h
  std::string append;                                         // more for the kernel's command line
  std::vector<std::string> qemu_words;

  bool repository_is_directory() const { return !repository.empty() && repository.find("://") == std::string::npos; }
  OrderedJson json() const;
  static Result<MachineRequest> parse(const OrderedJson& json);  // kCorrupt
};

// What a machine needs as long as it runs.
struct PreparedMachine {
  Machine machine;
  std::unique_ptr<HttpServer> server;  // of a repository that is a directory
  std::string url;                     // of the repository, as the guest reaches it
};

// `folder` belongs to this machine: its seed, its disk and its key are made there unless they are there.
// `is_kept`: its disk is worth writing safely. Says on io.err what it takes long for, and why there is no KVM.
Result<PreparedMachine> prepare_machine(const MachineRequest& request, const std::string& folder, bool is_kept, Io& io);

// Builds what takes long to build, if the machine needs it and it is not there.
Status prepare_media(const MachineRequest& request, Io& io);

// A throw-away or a kept machine's own disk, empty or above `backing`.
Status make_disk(const std::string& path, uint64_t size_bytes, const std::string& backing);

// How the guest reaches what this host calls `url`: through QEMU's user network, 127.0.0.1 is 10.0.2.2.
std::string url_for_guest(const std::string& url);

inline constexpr const char* kDiskFile = "disk.qcow2";
inline constexpr const char* kSeedFile = "seed.img";
inline constexpr const char* kKeyFile = "id_ed25519";

}  // namespace granary
