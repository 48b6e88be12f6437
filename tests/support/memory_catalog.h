// MemoryCatalog: a snapshot in memory. Applies change sets the simplest way there is, so that what produces them can
// be tested without SQLite; link counts are recomputed, digests of directories are not.
#pragma once

#include <map>

#include "fs/format/catalog.h"
#include "server/change_set.h"

namespace granary {

class MemoryCatalog : public Catalog {
 public:
  MemoryCatalog() {
    Entry& root = rows_[{0, ""}];
    root.inode = kRootInode;
    root.node.type = NodeType::kDirectory;
    root.node.mode = 0755;
  }

  // kInvalid when a change does not fit.
  Status apply(const ChangeSet& changes) {
    std::map<uint64_t, InodeNumber> groups;
    for (const Change& change : changes.changes) {
      const auto slash = change.path.rfind('/');
      const Bytes name = change.path.substr(slash + 1);
      InodeNumber parent = 0;
      if (!change.path.empty()) {
        const Entry above = TRY(resolve(slash == Bytes::npos ? "" : change.path.substr(0, slash)));
        if (!above.node.is_directory()) return Error{Code::kInvalid, "no directory above " + change.path};
        parent = above.inode;
      }
      if (change.kind == Change::Kind::kRemove) {
        if (!rows_.contains({parent, name})) return Error{Code::kInvalid, "nothing to remove at " + change.path};
        remove(parent, name);
        continue;
      }
      TRY(check_node(change.node));
      InodeNumber inode = change.keep_inode;
      if (change.link_group != 0) {
        const auto [at, fresh] = groups.try_emplace(change.link_group, inode);
        if (fresh && inode == 0) at->second = next_inode_++;
        inode = at->second;
      }
      if (inode == 0) inode = next_inode_++;
      const auto old = rows_.find({parent, name});
      if (old != rows_.end() && old->second.node.is_directory() && !change.node.is_directory()) remove(parent, name);
      rows_[{parent, name}] = Entry{parent, name, inode, 1, change.node, change.slices, false};
    }
    count_links();
    return Done{};
  }

  const CatalogId& id() const override { return id_; }
  Result<Entry> root() override { return rows_.at({0, ""}); }
  Result<Entry> lookup(InodeNumber directory, ByteView name) override {
    const auto at = rows_.find({directory, Bytes(name)});
    if (at == rows_.end()) return Error{Code::kNotFound, "no such entry"};
    return at->second;
  }
  Result<Entry> by_inode(InodeNumber inode) override {
    for (const auto& [key, entry] : rows_) {
      if (entry.inode == inode) return entry;
    }
    return Error{Code::kNotFound, "no such inode"};
  }
  Result<std::vector<Entry>> names_of(InodeNumber inode) override {
    std::vector<Entry> names;
    for (const auto& [key, entry] : rows_) {
      if (entry.inode == inode) names.push_back(entry);
    }
    return names;
  }
  Result<Entry> resolve(ByteView path) override {
    Entry at = TRY(root());
    while (!path.empty()) {
      const ByteView name = path.substr(0, path.find('/'));
      path.remove_prefix(std::min(path.size(), name.size() + 1));
      at = TRY(lookup(at.inode, name));
    }
    return at;
  }
  Result<Bytes> path_of(InodeNumber directory) override {
    Bytes path;
    while (directory != kRootInode) {
      const Entry at = TRY(by_inode(directory));
      path = path.empty() ? at.name : at.name + "/" + path;
      directory = at.parent;
    }
    return path;
  }
  Status list(InodeNumber directory, ByteView after, const Visit& visit) override {
    for (auto at = rows_.upper_bound({directory, Bytes(after)}); at != rows_.end(); ++at) {
      if (at->first.first != directory || !visit(Entry(at->second))) break;
    }
    return Done{};
  }
  Status scan(const Visit& visit) override {
    for (const auto& [key, entry] : rows_) {
      if (!visit(Entry(entry))) break;
    }
    return Done{};
  }
  Result<std::vector<PlacedSlice>> slices(const Entry& file, uint64_t, uint64_t) override {
    std::vector<PlacedSlice> placed;
    uint64_t start = 0;
    for (const Slice& slice : file.slices) {
      placed.push_back({start, slice});
      start += slice.length_bytes;
    }
    return placed;
  }
  Result<std::vector<InodeNumber>> link_groups(InodeNumber) override { return std::vector<InodeNumber>{}; }
  Result<uint64_t> entry_count() override { return rows_.size(); }
  Result<uint64_t> total_bytes() override { return uint64_t{0}; }
  Result<std::vector<ObjectId>> own_objects() override { return std::vector<ObjectId>{}; }

 private:
  void remove(InodeNumber parent, const Bytes& name) {
    const Entry entry = rows_.at({parent, name});
    rows_.erase({parent, name});
    if (!entry.node.is_directory()) return;
    std::vector<Bytes> children;
    static_cast<void>(list(entry.inode, {}, [&](Entry&& child) {
      children.push_back(child.name);
      return true;
    }));
    for (const Bytes& child : children) remove(entry.inode, child);
  }

  void count_links() {
    std::map<InodeNumber, uint32_t> names;
    for (const auto& [key, entry] : rows_) ++names[entry.inode];
    for (auto& [key, entry] : rows_) entry.nlink = entry.node.is_directory() ? 2 : names[entry.inode];
  }

  CatalogId id_ = Digest::of("memory");
  InodeNumber next_inode_ = kFirstFreeInode;
  std::map<std::pair<InodeNumber, Bytes>, Entry> rows_;
};

}  // namespace granary
