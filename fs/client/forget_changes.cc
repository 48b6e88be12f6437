#include "fs/client/forget_changes.h"

#include "fs/format/paths.h"

namespace granary {

namespace {

class Forgetting {
 public:
  explicit Forgetting(KernelCaches& caches) : caches_(caches) {}

  Status forget(const Difference& difference) {
    const Bytes& path = difference.path;
    TRY(leave_for(path));
    if (replaced_ && path_covers(*replaced_, path)) return Done{};  // the name above leads here no more
    replaced_.reset();
    const std::optional<Entry>& before = difference.before;
    const std::optional<Entry>& after = difference.after;
    if (before && after && before->inode == after->inode && before->node.type == after->node.type)
      return attributes(after->inode);
    if (before) TRY(name(path, *before));
    if (after && (!before || after->parent != before->parent)) TRY(name(path, *after));
    for (const auto* entry : {&before, &after}) {
      const bool has_others = *entry && !(*entry)->node.is_directory() && (*entry)->nlink > 1;
      if (has_others) TRY(attributes((*entry)->inode));
    }
    if ((before && before->node.is_directory()) || (after && after->node.is_directory())) replaced_ = path;
    return Done{};
  }

  Result<ForgottenChanges> finish() {
    while (!listed_.empty()) TRY(leave());
    return told_;
  }

 private:
  struct Listed {
    Bytes path;
    InodeNumber directory;
  };

  Status name(const Bytes& path, const Entry& entry) {
    if (entry.parent == 0) return Done{};  // the root has no name
    const size_t slash = path.rfind('/');
    const Bytes above = slash == Bytes::npos ? Bytes() : path.substr(0, slash);
    if (listed_.empty() || listed_.back().directory != entry.parent) listed_.push_back({above, entry.parent});
    ++told_.names;
    return caches_.forget_name(entry.parent, entry.name);
  }

  Status attributes(InodeNumber inode) {
    ++told_.attributes;
    return caches_.forget_attributes(inode);
  }

  // The walk has come to `path`: directories that it lies outside of are complete.
  Status leave_for(const Bytes& path) {
    while (!listed_.empty() && !path_covers(listed_.back().path, path)) TRY(leave());
    return Done{};
  }

  Status leave() {
    ++told_.listings;
    const InodeNumber directory = listed_.back().directory;
    listed_.pop_back();
    return caches_.forget_listing(directory);
  }

  KernelCaches& caches_;
  ForgottenChanges told_;
  std::vector<Listed> listed_;     // directories on the way to where the walk is that had changes so far
  std::optional<Bytes> replaced_;  // an entry that was or is a directory under another number, seen last
};

}  // namespace

Result<ForgottenChanges> forget_changes(Catalog& before, Catalog& after, KernelCaches& caches) {
  Forgetting forgetting(caches);
  Status told = Done{};
  TRY(diff_catalogs(
      before, after,
      [&](Difference&& difference) {
        told = forgetting.forget(difference);
        return told.has_value();
      },
      Compared::kInodes));
  TRY(std::move(told));
  return forgetting.finish();
}

}  // namespace granary
