#include "server/catalog_writer.h"

#include <algorithm>
#include <set>

namespace granary {

namespace {
constexpr size_t kInlinedPages = 8;

// An SQLite b-tree page begins with its type, page 1 after the file's header.
ByteView tree_page(uint32_t number, ByteView page) { return page.substr(number == 1 ? 100 : 0); }
bool is_interior(ByteView tree) { return tree[0] == 2 || tree[0] == 5; }

uint32_t big_endian(ByteView bytes, size_t offset, size_t width) {
  uint32_t value = 0;
  for (size_t i = 0; i < width; ++i) value = value << 8 | static_cast<uint8_t>(bytes[offset + i]);
  return value;
}

// The pages that an interior page leads to.
std::vector<uint32_t> children_of(ByteView page, ByteView tree, uint64_t page_count) {
  std::vector<uint32_t> children;
  const auto add = [&](ByteView bytes, size_t offset) {
    if (offset + 4 > bytes.size()) return;
    const uint32_t child = big_endian(bytes, offset, 4);
    if (child >= 1 && child <= page_count) children.push_back(child);
  };
  const uint32_t cells = big_endian(tree, 3, 2);
  for (uint32_t i = 0; i < cells && 12 + 2 * i + 2 <= tree.size(); ++i) add(page, big_endian(tree, 12 + 2 * i, 2));
  add(tree, 8);
  return children;
}

// The interior pages one level below a root; all children of a page are of one kind.
Result<std::vector<uint32_t>> interior_below(PageSource& pages, uint32_t root) {
  const Page page = TRY(pages.page(root));
  const ByteView tree = tree_page(root, page.bytes);
  if (!is_interior(tree)) return std::vector<uint32_t>{};
  std::vector<uint32_t> children = children_of(page.bytes, tree, pages.page_count());
  if (children.empty()) return children;
  const Page child = TRY(pages.page(children.front()));
  if (!is_interior(tree_page(children.front(), child.bytes))) children.clear();
  return children;
}

// What a reader needs first: page 1, the roots, then interior pages from the front.
Result<std::vector<uint32_t>> pick_inlined(PageSource& pages, const std::vector<uint32_t>& roots) {
  std::set<uint32_t> picked{1};
  std::set<uint32_t> interior;
  for (const uint32_t root : roots) {
    picked.insert(root);
    for (const uint32_t page : TRY(interior_below(pages, root))) interior.insert(page);
  }
  for (const uint32_t page : interior) {
    if (picked.size() >= kInlinedPages) break;
    picked.insert(page);
  }
  return std::vector<uint32_t>(picked.begin(), picked.end());
}

// Writes objects and remembers which of them are new.
class Writing {
 public:
  Writing(PageOverlay& pages, CatalogPages* base, ObjectWriter& writer) : pages_(pages), base_(base), writer_(writer) {}

  // The object `bytes` become; `known` is the one in its place before.
  Result<ObjectId> put(Bytes bytes, const std::optional<ObjectId>& known) {
    const ObjectId id = Digest::of(bytes);
    if (known == id) return id;
    TRY(writer_.write(std::move(bytes)));
    new_objects_.push_back(id);
    return id;
  }

  Result<std::vector<ObjectId>> groups() {
    const uint64_t known_count = base_ == nullptr ? 0 : group_count(base_->page_count());
    std::vector<ObjectId> ids;
    for (uint64_t group = 0; group < group_count(pages_.page_count()); ++group) {
      std::optional<ObjectId> known;
      if (group < known_count) known = TRY(base_->group_id(group));
      if (pages_.changed(group)) {
        Bytes bytes = TRY(pages_.group(group));
        known = TRY(put(std::move(bytes), known));
      }
      ids.push_back(*known);
    }
    return ids;
  }

  Result<std::vector<ObjectId>> leaves(const std::vector<ObjectId>& groups) {
    std::vector<ObjectId> ids;
    const bool known_leaves = base_ != nullptr && base_->index().has_leaves();
    for (size_t first = 0; first < groups.size(); first += kGroupsPerLeaf) {
      const size_t last = std::min(groups.size(), first + kGroupsPerLeaf);
      const auto begin = groups.begin();
      std::optional<ObjectId> known;
      if (known_leaves && ids.size() < base_->index().references.size()) known = base_->index().references[ids.size()];
      ids.push_back(TRY(put(
          encode_index_leaf({begin + static_cast<ptrdiff_t>(first), begin + static_cast<ptrdiff_t>(last)}), known)));
    }
    return ids;
  }

  std::vector<ObjectId> new_objects() { return std::move(new_objects_); }

 private:
  PageOverlay& pages_;
  CatalogPages* const base_;
  ObjectWriter& writer_;
  std::vector<ObjectId> new_objects_;
};
}  // namespace

Result<WrittenCatalog> write_catalog(PageOverlay& pages, CatalogPages* base, const std::optional<ObjectId>& base_id,
                                     const std::vector<uint32_t>& roots, ObjectWriter& writer) {
  Writing writing(pages, base, writer);
  CatalogIndex index;
  index.page_count = pages.page_count();
  index.references = TRY(writing.groups());
  if (index.has_leaves()) index.references = TRY(writing.leaves(index.references));
  std::vector<Page> inlined;
  for (const uint32_t number : TRY(pick_inlined(pages, roots))) {
    inlined.push_back(TRY(pages.page(number)));
    index.inlined.push_back({number, inlined.back().bytes});
  }
  WrittenCatalog written;
  written.id = TRY(writing.put(encode_catalog_index(index), base_id));
  written.new_objects = writing.new_objects();
  return written;
}

}  // namespace granary
