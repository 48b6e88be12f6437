// Context: what one machine is told at boot. ContextSource: one place where it may lie, each in a small file of its own
// (nocloud, config_drive, open_nebula, ec2, openstack; the seam for GCE, Azure, CloudStack, vSphere). Everything that
// comes from there is foreign: parsed, bounded, never run. The part for us is consumed here, the rest is the OS's.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "fs/base/bytes.h"
#include "initramfs/network/network.h"
#include "initramfs/settings.h"

namespace granary {

struct Context {
  std::string source;  // "NoCloud (/dev/vdb)"; empty: none was found
  std::string instance_id, hostname;
  std::vector<std::string> ssh_keys;  // of root, if the OS has no cloud-init
  NetworkPlan network;
  Bytes user_data;              // as it came, at most 1 MiB
  std::vector<Saying> sayings;  // of [granary] and [ucernvm-begin] in it
  std::vector<std::string> complaints;
};

// A file system that is mounted read-only for as long as it is looked at.
struct SeedVolume {
  std::string device, label, type;  // "/dev/sr0", "cidata", "iso9660"
  std::string folder;
};

// HTTP, through the mount program (granary-mount --fetch). Bounded in bytes and seconds.
struct FetchRequest {
  std::string url;
  std::vector<std::string> headers = {};  // "X-aws-ec2-metadata-token: …"
  std::string method = "GET";
  std::chrono::milliseconds timeout{16000};
  uint64_t limit_bytes = 1 << 20;
};
using Fetch = std::function<Result<Bytes>(const FetchRequest&)>;  // kNotFound, kUnavailable

class ContextSource {
 public:
  virtual ~ContextSource() = default;
  virtual const char* name() const = 0;  // as in Settings::context
  // Sources without a network are asked before the network is up: they may say how to bring it up.
  virtual bool needs_network() const = 0;
  // The URL that is tried for two seconds before anything is asked of it; empty: no need to.
  virtual std::string server() const { return {}; }
  // Nothing: not here.   kInvalid, kCorrupt: here, but broken; the next source is asked, and people are told.
  virtual Result<std::optional<Context>> look(const std::vector<SeedVolume>& volumes, const Fetch& fetch) = 0;
};

// Those of Settings::context, in order.
std::vector<std::unique_ptr<ContextSource>> context_sources(const Settings& settings);

// The first that has something, its user data consumed. What failed before it is in its `complaints`.
Context first_context(const std::vector<std::unique_ptr<ContextSource>>& sources,
                      const std::vector<SeedVolume>& volumes, const Fetch& fetch);

// The first that has something, of those that need a network or do not. Mounts attached volumes read-only meanwhile.
// With settings.extra_user_data, what that says is added, whether or not a source had something.
// What failed by the way is in `complaints` of what it returns; nothing found: an empty Context.
Context find_context(const Settings& settings, bool with_network, const Fetch& fetch);

// Takes the parts of user data that are ours into `context`: gunzips, goes through multi-part, reads [granary] and
// [ucernvm-begin] … [ucernvm-end].
void consume_user_data(Context& context);

// To the scratch state and back: later boots do not ask again, and are the same machine.
Bytes serialise(const Context& context);
Result<Context> parse_context(ByteView bytes);

}  // namespace granary
