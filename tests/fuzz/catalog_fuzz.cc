// A whole catalog whose database somebody tampered with. The input is a list of patches (u32 offset, u8 length, bytes)
// to a good database; then everything a reader may ask is asked. Nothing may crash, hang, or yield a row that breaks
// the format.
#include <map>

#include "fs/base/file.h"
#include "fs/format/catalog_index.h"
#include "fuzz/fuzz.h"
#include "server/catalog_editor.h"

namespace granary {
namespace {

class Objects : public ObjectReader, public ObjectWriter {
 public:
  Result<SharedBytes> read(const ObjectId& id) override {
    const auto found = objects_.find(id);
    if (found == objects_.end()) return Error{Code::kNotFound, "no such object"};
    return found->second;
  }
  Result<ObjectId> write(Bytes plain) override {
    const ObjectId id = Digest::of(plain);
    objects_[id] = std::make_shared<const Bytes>(std::move(plain));
    return id;
  }
  Status flush() override { return Done{}; }

 private:
  std::map<ObjectId, SharedBytes> objects_;
};

Change put(const char* path, NodeType type) {
  Change change;
  change.path = path;
  change.node.type = type;
  change.node.mode = 0755;
  if (type == NodeType::kSymlink) change.node.target = "target";
  return change;
}

Change put_file(const char* path, uint64_t slices) {
  Change change = put(path, NodeType::kFile);
  change.node.size_bytes = slices;
  for (uint64_t i = 0; i < slices; ++i) change.slices.push_back({Digest::of("object"), i, 1});
  return change;
}

// One of every kind of row, and an interior page.
ChangeSet tree() {
  ChangeSet all;
  all.changes = {put("a", NodeType::kDirectory), put_file("a/large", 20),         put_file("a/linked", 2),
                 put("b", NodeType::kSymlink),   put("c", NodeType::kCharDevice), put_file("d", 2),
                 put("e", NodeType::kDirectory)};
  all.changes[2].link_group = all.changes[5].link_group = 1;
  all.changes[1].node.xattrs = {{"user.x", "value"}};
  static std::string names[300];
  for (int i = 0; i < 300; ++i) {
    names[i] = str("e/", 1000 + i, Bytes(50, 'n'));
    all.changes.push_back(put_file(names[i].c_str(), 1));
  }
  return all;
}

Result<Bytes> make_database() {
  const TemporaryDirectory scratch = TRY(TemporaryDirectory::make());
  Objects objects;
  const auto editor = TRY(CatalogEditor::open(std::nullopt, objects, kFirstFreeInode, scratch.path()));
  TRY(editor->apply(tree()));
  const auto finished = TRY(editor->finish(objects));
  const SharedBytes object = TRY(objects.read(finished.catalog));
  const CatalogIndex index = TRY(decode_catalog_index(*object));
  Bytes database;
  for (const ObjectId& group : index.references) database += *TRY(objects.read(group));
  return database;
}

CatalogId store(Objects& objects, const Bytes& database) {
  constexpr size_t kGroupBytes = size_t{kPageBytes} * kPagesPerGroup;
  CatalogIndex index;
  index.page_count = database.size() / kPageBytes;
  for (size_t offset = 0; offset < database.size(); offset += kGroupBytes)
    index.references.push_back(*objects.write(database.substr(offset, kGroupBytes)));
  return *objects.write(encode_catalog_index(index));
}

void ask_everything(Catalog& catalog, ObjectReader& objects) {
  (void)catalog.root();
  (void)catalog.resolve("a/linked");
  (void)catalog.entry_count();
  (void)catalog.total_bytes();
  (void)catalog.scan([&](Entry&& entry) {
    promise(check_node(entry.node) && (entry.parent == 0 || check_name(entry.name)), "rows keep to the format");
    return true;
  });
  for (InodeNumber inode = 0; inode < 30; ++inode) {
    (void)catalog.list(inode, {}, [](Entry&&) { return true; });
    (void)catalog.link_groups(inode);
    (void)catalog.path_of(inode);
    const auto names = catalog.names_of(inode);
    if (names && !names->empty()) (void)catalog.slices(names->front(), 0, UINT64_MAX);
  }
  (void)check_catalog(catalog, objects, [](const Bytes&, const std::string&) {});
  (void)diff_catalogs(catalog, catalog, [](Difference&&) { return true; });
}

}  // namespace

void try_input(ByteView input) {
  static const Bytes good = *make_database();
  Bytes database = good;
  ByteReader in(input);
  while (!in.at_end() && in.ok()) {
    const size_t offset = in.u32() % database.size();
    const ByteView patch = in.bytes(in.u8() % 32);
    database.replace(offset, std::min(patch.size(), database.size() - offset),
                     patch.substr(0, database.size() - offset));
  }
  Objects objects;
  const auto catalog = Catalog::open(store(objects, database), objects);
  if (catalog) ask_everything(**catalog, objects);
}

}  // namespace granary
