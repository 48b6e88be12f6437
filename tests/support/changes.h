// Change sets in a few words, and a row of catalogs made from them.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>

#include "fs/base/file.h"
#include "server/catalog_editor.h"
#include "tests/support/mem_store.h"

namespace granary {

inline Change put_node(ByteView path, NodeType type, uint32_t mode) {
  Change change;
  change.path = path;
  change.node.type = type;
  change.node.mode = mode;
  change.node.mtime = 1'700'000'000;
  change.node.mtime_ns = 5;
  return change;
}

// The content's bytes are taken to lie in an object of their own.
inline Change put_file(ByteView path, ByteView content) {
  Change change = put_node(path, NodeType::kFile, 0644);
  change.node.size_bytes = content.size();
  change.node.digest = Digest::of(content);
  if (!content.empty()) change.slices = {{Digest::of(content), 0, content.size()}};
  return change;
}
inline Change put_directory(ByteView path) { return put_node(path, NodeType::kDirectory, 0755); }
inline Change put_symlink(ByteView path, ByteView target) {
  Change change = put_node(path, NodeType::kSymlink, 0777);
  change.node.target = target;
  return change;
}
inline Change remove_path(ByteView path) {
  Change change;
  change.kind = Change::Kind::kRemove;
  change.path = path;
  return change;
}
inline Change grouped(Change change, uint64_t link_group) {
  change.link_group = link_group;
  return change;
}
inline Change keeping(Change change, InodeNumber inode) {
  change.keep_inode = inode;
  return change;
}
inline Change with_mode(Change change, uint32_t mode) {
  change.node.mode = mode;
  return change;
}

inline ChangeSet change_set(std::vector<Change> changes) {
  std::stable_sort(changes.begin(), changes.end(),
                   [](const Change& a, const Change& b) { return path_less(a.path, b.path); });
  return {std::move(changes)};
}

// Catalogs one after the other, in one store. Fails the test when an edit does.
class CatalogWorld {
 public:
  using Finished = CatalogEditor::Finished;

  std::unique_ptr<CatalogEditor> edit(const std::optional<CatalogId>& base = {}) {
    auto editor = CatalogEditor::open(base, objects.reader, next_inode, scratch_->path());
    EXPECT_TRUE(editor) << editor.error().message;
    return std::move(*editor);
  }
  Finished finish(CatalogEditor& editor) {
    auto finished = editor.finish(objects.writer);
    EXPECT_TRUE(finished) << finished.error().message;
    next_inode = finished->next_inode;
    return *finished;
  }
  Finished publish(const std::optional<CatalogId>& base, const ChangeSet& changes) {
    auto editor = edit(base);
    const Status applied = editor->apply(changes);
    EXPECT_TRUE(applied) << applied.error().message;
    return finish(*editor);
  }
  Finished publish(const ChangeSet& changes) { return publish(std::nullopt, changes); }
  Finished publish(std::vector<Change> changes) { return publish(std::nullopt, change_set(std::move(changes))); }
  Finished publish(const CatalogId& base, std::vector<Change> changes) {
    return publish(std::optional<CatalogId>(base), change_set(std::move(changes)));
  }
  // What applying to `base` is refused with.
  Error refusal(const std::optional<CatalogId>& base, std::vector<Change> changes) {
    const Status applied = edit(base)->apply(change_set(std::move(changes)));
    EXPECT_FALSE(applied);
    return applied ? Error{Code::kInternal, "applied"} : applied.error();
  }
  std::unique_ptr<Catalog> open(const CatalogId& id) {
    auto catalog = Catalog::open(id, objects.reader);
    EXPECT_TRUE(catalog) << catalog.error().message;
    return std::move(*catalog);
  }

  MemObjects objects;
  InodeNumber next_inode = kFirstFreeInode;

 private:
  Result<TemporaryDirectory> scratch_ = TemporaryDirectory::make();
};

}  // namespace granary
