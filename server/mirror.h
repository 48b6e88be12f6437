// Mirror: copies a repository from any source to a directory, verified before anything of it is believed, and
// resumable: what has arrived stays. Objects first, then log and roots, the head last; encoded objects are copied as
// they are. A mirror never goes back: an older head than its own is refused.
#pragma once

#include <functional>
#include <optional>
#include <set>
#include <string>

#include "fs/base/time.h"
#include "fs/format/trust_file.h"
#include "fs/net/transport.h"

namespace granary {

struct MirrorOptions {
  std::string source;              // a URL: http://, https:// or file:///
  std::string destination;         // a directory: new, empty, or a mirror of the same repository
  std::optional<TrustFile> trust;  // nothing: that of the destination
  // Only these, each alone, without its history; both empty: everything, or what the mirror had before.
  std::set<std::string> branches, tags;
  unsigned jobs = 8;     // requests at the same time
  bool recheck = false;  // look at every snapshot again, and fetch what is missing or damaged
  const Clock* clock = &Clock::system();
  // How to reach the source; for tests.
  std::function<Result<std::unique_ptr<Transport>>(const std::string& url)> connect = [](const std::string& url) {
    return open_transport(url);
  };
};

struct MirrorProgress {
  const char* step = "";
  uint64_t objects = 0, bytes = 0;  // copied so far
};

struct Mirrored {
  std::string repository, name;
  uint64_t revision = 0, previous_revision = 0;  // previous: 0 for a new mirror
  uint64_t snapshots = 0, new_snapshots = 0;
  uint64_t copied = 0, copied_bytes = 0;   // objects, as stored
  uint64_t present = 0;                    // objects that were here already
  uint64_t records = 0;                    // log records copied
  std::optional<UnixSeconds> stale_since;  // the source's timestamp had expired
};

//   kRollback, kEquivocation  the source is behind the mirror, or tells another story
//   kWrongRepository          the mirror is of another one
//   kCorrupt                  the source's bytes are not what they claim; nothing of them was kept
//   kUnavailable              the source fell silent: run it again, it goes on where it was
Result<Mirrored> mirror(const MirrorOptions& options,
                        const std::function<void(const MirrorProgress&)>& on_progress = {});

}  // namespace granary
