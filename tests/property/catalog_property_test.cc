// Random trees and random changes to them: an edited catalog is worth a new one, its differences lead from one tree to
// the other, and nothing is wrong with any of them. GRANARY_SEED=N repeats a run.
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "tests/support/changes.h"
#include "tests/support/seed.h"

namespace granary {
namespace {

struct PathLess {
  bool operator()(const Bytes& a, const Bytes& b) const { return path_less(a, b); }
};

bool same_content(const Node& a, const Node& b) {
  return a.type == b.type && a.digest == b.digest && a.size_bytes == b.size_bytes && a.target == b.target &&
         a.device_major == b.device_major && a.device_minor == b.device_minor;
}

// A tree as the test knows it: names, and the inodes they stand for.
class Model {
 public:
  explicit Model(std::mt19937_64& random) : random_(random) { inodes_[0] = directory_node(); }

  void mutate() {
    switch (below(10)) {
      case 0: return add(inode_of(directory_node()));
      case 1: return add(inode_of(other_node()));
      case 2: return add(inode_of(file_node()));
      case 3: return add(inode_of(file_node()));
      case 4: return link();
      case 5: return remove(some_name());
      case 6: return change_metadata();
      case 7: return change_content();
      case 8: return separate();
      default: return turn();
    }
  }

  const std::map<Bytes, int, PathLess>& names() const { return names_; }
  const Node& node(int inode) const { return inodes_.at(inode); }
  const Node& root() const { return inodes_.at(0); }
  std::set<Bytes> group_of(const Bytes& path) const {
    std::set<Bytes> group;
    for (const auto& [name, inode] : names_) {
      if (inode == names_.at(path)) group.insert(name);
    }
    return group;
  }

  Change put(const Bytes& path) const {
    Change change;
    change.path = path;
    const int inode = names_.at(path);
    change.node = node(inode);
    if (change.node.is_file()) change.slices = slices_of(change.node);
    if (!change.node.is_directory() && group_of(path).size() > 1) change.link_group = static_cast<uint64_t>(inode);
    return change;
  }

  // All of it, for an empty catalog.
  ChangeSet whole() const {
    ChangeSet all;
    all.changes.push_back(put_root());
    for (const auto& [path, inode] : names_) all.changes.push_back(put(path));
    return all;
  }
  Change put_root() const {
    Change change;
    change.node = root();
    return change;
  }

  // What leads from `before`, which is in `catalog`, to this one.
  ChangeSet changes_since(const Model& before, Catalog& catalog) {
    std::vector<Change> changes;
    if (before.root() != root()) changes.push_back(put_root());
    for (const auto& [path, inode] : before.names_) {
      if (names_.count(path) == 0) changes.push_back(remove_path(path));
    }
    for (const auto& [path, inode] : names_) {
      const auto old = before.names_.find(path);
      const bool same = old != before.names_.end() && before.node(old->second) == node(inode) &&
                        (node(inode).is_directory() || before.group_of(path) == group_of(path));
      if (same) continue;
      Change change = put(path);
      keep_something(change, before, catalog);
      changes.push_back(std::move(change));
    }
    return change_set(std::move(changes));
  }

 private:
  uint64_t below(uint64_t limit) { return random_() % limit; }

  // Sometimes a change keeps the number of an inode with the same content: the one in its place, or a name's elsewhere.
  void keep_something(Change& change, const Model& before, Catalog& catalog) {
    if (change.node.is_directory() || below(4) == 0) return;
    for (const auto& [path, inode] : before.names_) {
      if (!same_content(before.node(inode), change.node)) continue;
      if (path != change.path && below(2) == 0) continue;
      change.keep_inode = catalog.resolve(path)->inode;
      if (below(4) == 0) change.slices.clear();
      return;
    }
  }

  int inode_of(Node node) {
    inodes_[++last_inode_] = std::move(node);
    return last_inode_;
  }
  void stamp(Node& node) {
    node.mode = static_cast<uint32_t>(below(010000));
    node.uid = static_cast<uint32_t>(below(3));
    node.mtime = static_cast<int64_t>(below(100)) - 50;
    if (below(5) == 0) node.xattrs = {{"user.x", str(below(3))}};
  }
  Node directory_node() {
    Node node;
    node.type = NodeType::kDirectory;
    stamp(node);
    return node;
  }
  Node file_node() {
    Node node;
    node.size_bytes = below(3) == 0 ? below(30) : below(4);  // few contents, so that they meet again
    node.digest = Digest::of(str(node.size_bytes));
    stamp(node);
    return node;
  }
  Node other_node() {
    Node node;
    node.type = static_cast<NodeType>(3 + below(5));
    if (node.type == NodeType::kSymlink) node.target = str("to-", below(3));
    const bool is_device = node.type == NodeType::kCharDevice || node.type == NodeType::kBlockDevice;
    if (is_device) node.device_minor = static_cast<uint32_t>(below(2));
    stamp(node);
    return node;
  }
  // One slice a byte, so that some files have many.
  static std::vector<Slice> slices_of(const Node& node) {
    std::vector<Slice> slices;
    for (uint64_t i = 0; i < node.size_bytes; ++i) slices.push_back({i % 5 == 4 ? Digest{} : Digest::of(str(i)), 0, 1});
    return slices;
  }

  Bytes some_name() {
    if (names_.empty()) return {};
    return std::next(names_.begin(), static_cast<ptrdiff_t>(below(names_.size())))->first;
  }
  bool is_directory(const Bytes& path) const {
    const auto found = names_.find(path);
    return path.empty() || (found != names_.end() && node(found->second).is_directory());
  }
  Bytes free_path() {
    Bytes directory = some_name();
    if (below(3) == 0 || !is_directory(directory)) directory.clear();
    const Bytes name = str("abc/.-"[below(3)], below(8) == 0 ? "-" : "", below(6));
    return directory.empty() ? name : directory + "/" + name;
  }
  void add(int inode) {
    const Bytes path = free_path();
    if (names_.count(path) == 0) names_[path] = inode;
  }
  void link() {
    const Bytes path = some_name();
    if (!path.empty() && !is_directory(path)) add(names_.at(path));
  }
  void remove(const Bytes& path) {
    if (path.empty()) return;
    std::erase_if(names_, [&](const auto& name) { return is_at_or_below(name.first, path); });
  }
  void change_metadata() {
    const Bytes path = some_name();
    stamp(inodes_[path.empty() ? 0 : names_.at(path)]);
  }
  void change_content() {
    const Bytes path = some_name();
    if (!path.empty() && node(names_.at(path)).is_file()) inodes_[names_.at(path)] = file_node();
  }
  void separate() {
    const Bytes path = some_name();
    if (!path.empty() && !is_directory(path)) names_[path] = inode_of(node(names_.at(path)));
  }
  // A name becomes something of another type.
  void turn() {
    const Bytes path = some_name();
    if (path.empty()) return;
    const bool was_directory = is_directory(path);
    remove(path);
    names_[path] = inode_of(was_directory ? file_node() : directory_node());
  }

  std::mt19937_64& random_;
  std::map<Bytes, int, PathLess> names_;
  std::map<int, Node> inodes_;  // 0: the root
  int last_inode_ = 0;
};

class CatalogProperty : public testing::Test {
 protected:
  void expect_sound(const CatalogEditor::Finished& finished) {
    auto catalog = world_.open(finished.catalog);
    const auto tree = check_catalog(*catalog, world_.objects.reader, [](const Bytes& path, const std::string& what) {
      ADD_FAILURE() << path << ": " << what;
    });
    ASSERT_TRUE(tree) << tree.error().message;
    EXPECT_EQ(*tree, finished.tree);
  }

  // The changes that lead from one catalog to another, taken from their difference alone.
  ChangeSet changes_between(const CatalogId& before, const CatalogId& after) {
    auto old_catalog = world_.open(before);
    auto new_catalog = world_.open(after);
    ChangeSet out;
    EXPECT_TRUE(diff_catalogs(*old_catalog, *new_catalog, [&](Difference&& difference) {
      Change change;
      change.path = difference.path;
      if (difference.kind == Difference::Kind::kRemoved) {
        change.kind = Change::Kind::kRemove;
      } else {
        const Entry& entry = *difference.after;
        change.node = entry.node;
        if (entry.node.is_file()) {
          const auto slices = new_catalog->slices(entry, 0, UINT64_MAX);
          for (const auto& placed : *slices) change.slices.push_back(placed.slice);
        }
        const auto same = old_catalog->by_inode(entry.inode);
        if (!entry.node.is_directory() && same && same_content(same->node, entry.node)) change.keep_inode = entry.inode;
        if (!entry.node.is_directory() && entry.nlink > 1) change.link_group = entry.inode;
      }
      out.changes.push_back(std::move(change));
      return true;
    }));
    return out;
  }

  CatalogWorld world_;
};

TEST_F(CatalogProperty, EditingIsWorthBuildingAnewAndDifferencesLeadThere) {
  std::mt19937_64 random = seeded_random();
  for (int round = 0; round < 15; ++round) {
    Model model(random);
    auto edited = world_.publish(model.whole());
    for (int step = 0; step < 6; ++step) {
      const Model before = model;
      const CatalogEditor::Finished last = edited;
      for (uint64_t i = random() % 30; i > 0; --i) model.mutate();
      edited = world_.publish(last.catalog, model.changes_since(before, *world_.open(last.catalog)));
      const auto anew = world_.publish(model.whole());
      EXPECT_EQ(edited.tree, anew.tree);
      EXPECT_EQ(edited.entries, anew.entries);
      EXPECT_EQ(edited.bytes, anew.bytes);
      expect_sound(edited);
      expect_sound(anew);
      EXPECT_EQ(world_.publish(last.catalog, changes_between(last.catalog, edited.catalog)).tree, edited.tree);
      EXPECT_TRUE(changes_between(edited.catalog, anew.catalog).changes.empty());
      if (HasFailure()) FAIL() << "round " << round << ", step " << step;
    }
  }
}

}  // namespace
}  // namespace granary
