// `unpin`: what was pinned may be evicted again.
#include "fs/base/owner.h"
#include "fs/store/pins.h"
#include "tools/command.h"
#include "tools/commands.h"
#include "tools/mount_place.h"
#include "tools/reading.h"

namespace granary {

namespace {
struct Options {
  std::vector<std::string> paths;
  std::string cache;
};

struct Wish {
  std::string cache;
  std::string repository;  // empty: whichever
  Bytes path;
};

Result<Wish> wish_for(const std::string& path, const std::string& cache) {
  if (!cache.empty()) {
    const Bytes below = TRY(tree_path(path));
    return Wish{cache, {}, below};
  }
  const MountPlace place = TRY(find_mount_place(path));
  const MountIdentity identity = TRY(identify_mount(place.mount));
  return Wish{identity.cache_directory, identity.repository, place.path};
}

Status unpin(const Wish& wish, Io& io) {
  TRY(act_as_owner_of(wish.cache));
  const PinBook book(wish.cache);
  size_t removed = 0;
  for (const Pin& pin : TRY(book.read()).pins) {
    const bool is_meant = pin.path == wish.path && (wish.repository.empty() || pin.repository == wish.repository);
    if (!is_meant) continue;
    TRY(book.remove(pin));
    ++removed;
    io.out << "unpinned /" << printable(pin.path) << " of snapshot " << pin.snapshot.brief() << "\n";
  }
  if (removed > 0) return Done{};
  return Error{Code::kNotFound, str("/", printable(wish.path), " is not pinned in ", printable(wish.cache),
                                    "; `granary pin --list` shows what is")};
}

Action define(CLI::App& app) {
  const auto options = std::make_shared<Options>();
  app.add_option("PATH", options->paths, "what was pinned; with --cache, as `granary pin --list` shows it")->required();
  app.add_option("--cache", options->cache, "the cache directory, without a mount");
  return [options](Io& io) -> Status {
    for (const std::string& path : options->paths) TRY(unpin(TRY(wish_for(path, options->cache)), io));
    return Done{};
  };
}
}  // namespace

const Command kUnpinCommand{
    "unpin", "let go of what was pinned",
    "Removes the pins of a path, of whichever snapshot. Nothing is removed from the cache now: it may be evicted from\n"
    "here on, unless another pin holds it.",
    "granary unpin /sw/usr/lib\ngranary unpin --cache /var/cache/granary/UUID /usr/lib\n", define};

}  // namespace granary
