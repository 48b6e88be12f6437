#include "fs/client/limited_change.h"

#include <algorithm>

#include "fs/format/catalog_walk.h"
#include "fs/format/paths.h"

namespace granary {

namespace {
Error went_outside(const std::string& what) {
  return {Code::kUntrusted, "changed outside the paths that its signers may change: " + what};
}

class LimitedChange {
 public:
  LimitedChange(Catalog& before, Catalog& after, const std::vector<Bytes>& allowed, ObjectReader& objects)
      : before_(before), after_(after), allowed_(allowed), objects_(objects) {}

  Status check() {
    TRY(check_rows());
    if (!TRY(changed_only_below(before_, after_, allowed_))) return went_outside("other entries or contents");
    return check_slices();
  }

 private:
  struct Frame {
    Bytes path;
    DirectoryCursor before;
    DirectoryCursor after;
  };

  // From here on digests and links are what they claim to be, and an inode's rows say the same everywhere.
  Status check_rows() {
    std::string first_fault;
    const auto note = [&](const Bytes& path, const std::string& what) {
      if (first_fault.empty()) first_fault = str("/", printable(path), ": ", what);
    };
    TRY(check_catalog(after_, objects_, note));
    if (first_fault.empty()) return Done{};
    return Error{Code::kUntrusted,
                 "its signers are limited to paths, and its catalog contradicts itself at " + first_fault};
  }

  // Outside the allowed paths both trees are equal by digest; every file's bytes must come from where they came from.
  Status check_slices() {
    std::vector<Frame> open;
    open.push_back({{}, {before_, kRootInode}, {after_, kRootInode}});
    while (!open.empty()) {
      Frame& top = open.back();
      const Pair pair = TRY(next_pair(top.before, top.after));
      if (pair.at_end()) {
        open.pop_back();
        continue;
      }
      const Bytes path = join_path(top.path, pair.name());
      const std::optional<Entry> before = pair.before != nullptr ? std::optional(top.before.take()) : std::nullopt;
      const std::optional<Entry> after = pair.after != nullptr ? std::optional(top.after.take()) : std::nullopt;
      if (is_allowed(path)) continue;
      if (!before || !after) return went_outside("/" + printable(path));
      if (after->node.is_file()) TRY(check_file(path, *before, *after));
      if (after->node.is_directory()) open.push_back({path, {before_, before->inode}, {after_, after->inode}});
    }
    return Done{};
  }

  bool is_allowed(ByteView path) const {
    return std::any_of(allowed_.begin(), allowed_.end(), [&](const Bytes& top) { return path_covers(top, path); });
  }

  Status check_file(const Bytes& path, const Entry& before, const Entry& after) {
    const std::vector<Slice> old_slices = TRY(slices_of(before_, before));
    const std::vector<Slice> new_slices = TRY(slices_of(after_, after));
    if (old_slices == new_slices) return Done{};
    if (TRY(digest_of(new_slices)) == after.node.digest) return Done{};
    return went_outside("the bytes of /" + printable(path));
  }

  static Result<std::vector<Slice>> slices_of(Catalog& catalog, const Entry& file) {
    if (!file.slices_elsewhere) return file.slices;
    std::vector<Slice> slices;
    for (const auto& placed : TRY(catalog.slices(file, 0, file.node.size_bytes))) slices.push_back(placed.slice);
    return slices;
  }

  Result<Digest> digest_of(const std::vector<Slice>& slices) {
    Sha256 hash;
    for (const Slice& slice : slices) {
      if (slice.is_hole()) {
        hash_zeros(hash, slice.length_bytes);
        continue;
      }
      const SharedBytes object = TRY(objects_.read(slice.object));
      if (slice.offset_bytes > object->size() || slice.length_bytes > object->size() - slice.offset_bytes)
        return Error{Code::kCorrupt, str("object ", slice.object.brief(), " is shorter than a slice of it")};
      hash.update(ByteView(*object).substr(slice.offset_bytes, slice.length_bytes));
    }
    return hash.finish();
  }

  static void hash_zeros(Sha256& hash, uint64_t length_bytes) {
    static const Bytes kZeros(65536, '\0');
    for (; length_bytes > 0; length_bytes -= std::min<uint64_t>(length_bytes, kZeros.size()))
      hash.update(ByteView(kZeros).substr(0, length_bytes));
  }

  Catalog& before_;
  Catalog& after_;
  const std::vector<Bytes>& allowed_;
  ObjectReader& objects_;
};
}  // namespace

Status check_limited_change(const PathConstraint& constraint, ObjectReader& objects) {
  const auto before = TRY(Catalog::open(constraint.base_catalog, objects));
  const auto after = TRY(Catalog::open(constraint.catalog, objects));
  return LimitedChange(*before, *after, constraint.allowed, objects).check();
}

}  // namespace granary
