#include "fs/format/catalog.h"

#include <algorithm>
#include <unordered_set>

#include "fs/format/catalog_row.h"

namespace granary {

namespace {

constexpr uint64_t kSmallCatalogPages = (uint64_t{1} << 20) / kPageBytes;
constexpr size_t kIdleSessions = 16;

// The statements a Catalog runs, prepared when first needed.
enum Query : size_t { kLookup, kByInode, kNamesOf, kList, kScan, kSlices, kLinkGroups, kProperty, kQueries };

std::string query_text(Query query) {
  const std::string entries = str("SELECT ", kEntryColumns, " FROM entry ");
  switch (query) {
    case kLookup: return entries + "WHERE parent=?1 AND name=?2";
    case kByInode: return entries + "WHERE inode=?1 ORDER BY parent,name LIMIT 1";
    case kNamesOf: return entries + "WHERE inode=?1 ORDER BY parent,name";
    case kList: return entries + "WHERE parent=?1 AND name>?2 ORDER BY name";
    case kScan: return entries + "ORDER BY parent,name";
    case kSlices:
      return str(
          "SELECT ", kSliceColumns,
          " FROM slice WHERE inode=?1 AND start<?3 AND start>=coalesce("
          "(SELECT start FROM slice WHERE inode=?1 AND start<=?2 ORDER BY start DESC LIMIT 1),0) ORDER BY start");
    case kLinkGroups: return "SELECT inode FROM link_group WHERE directory=?1 ORDER BY inode";
    case kProperty: return "SELECT value FROM property WHERE name=CAST(?1 AS TEXT)";
    case kQueries: break;
  }
  return {};
}

// One connection with its statements; used by one thread at a time.
class Session {
 public:
  static Result<std::unique_ptr<Session>> open(PageSource& pages, const std::string& label) {
    std::unique_ptr<Session> session(new Session);
    session->database_ = TRY(Database::open(pages, label));
    return session;
  }
  Result<SqlStatement*> statement(Query query) {
    SqlStatement& statement = statements_[query];
    if (!statement.prepared()) statement = TRY(database_->prepare(query_text(query)));
    return &statement;
  }

 private:
  Session() = default;
  std::unique_ptr<Database> database_;
  std::array<SqlStatement, kQueries> statements_;  // go before the database
};

// Rows must come in the order asked for: pages that form a loop would otherwise yield rows for ever.
Status check_order(const std::optional<std::pair<InodeNumber, Bytes>>& last, const Entry& entry) {
  if (!last || std::tie(last->first, last->second) < std::tie(entry.parent, entry.name)) return Done{};
  return Error{Code::kCorrupt, str("the catalog's rows are out of order at \"", printable(entry.name),
                                   "\" in directory ", entry.parent)};
}

class SqliteCatalog : public Catalog {
 public:
  SqliteCatalog(const CatalogId& id, std::unique_ptr<CatalogPages> pages)
      : id_(id), label_("catalog " + id.brief()), pages_(std::move(pages)) {}

  // Opens the first connection, which checks header and schema.
  Status start() {
    if (pages_->page_count() <= kSmallCatalogPages) pages_->fetch_all();
    const Lease lease = TRY(borrow());
    return Done{};
  }

  const CatalogId& id() const override { return id_; }

  Result<Entry> root() override { return one(kLookup, 0, ByteView{}, "the catalog has no root"); }

  Result<Entry> lookup(InodeNumber directory, ByteView name) override {
    if (directory == 0 || name.empty()) return Error{Code::kNotFound, "no such name"};
    return one(kLookup, directory, name, "no such name");
  }

  Result<Entry> by_inode(InodeNumber inode) override {
    Entry entry = TRY(one(kByInode, inode, std::nullopt, "no such inode"));
    if (entry.inode != inode) return index_disagrees(inode);
    return entry;
  }

  Result<std::vector<Entry>> names_of(InodeNumber inode) override {
    std::vector<Entry> names;
    TRY(each(kNamesOf, inode, std::nullopt, [&](Entry&& entry) {
      names.push_back(std::move(entry));
      return true;
    }));
    for (const Entry& entry : names) {
      if (entry.inode != inode) return index_disagrees(inode);
    }
    return names;
  }

  Result<Entry> resolve(ByteView path) override {
    Entry entry = TRY(root());
    for (ByteView rest = path; !rest.empty();) {
      const size_t slash = rest.find('/');
      const ByteView name = rest.substr(0, slash);
      rest = slash == ByteView::npos ? ByteView{} : rest.substr(slash + 1);
      auto next = entry.node.is_directory() ? lookup(entry.inode, name) : Error{Code::kNotFound, "no such name"};
      if (!next && next.error().code == Code::kNotFound)
        return Error{Code::kNotFound, str("no such path: ", printable(path))};
      entry = TRY(std::move(next));
    }
    return entry;
  }

  Result<Bytes> path_of(InodeNumber directory) override {
    std::vector<Bytes> names;
    std::unordered_set<InodeNumber> seen;
    for (InodeNumber inode = directory; inode != kRootInode;) {
      Entry entry = TRY(by_inode(inode));
      if (!entry.node.is_directory()) return Error{Code::kNotFound, str("inode ", inode, " is no directory")};
      if (!seen.insert(inode).second) return Error{Code::kCorrupt, str("directory ", inode, " lies below itself")};
      names.push_back(std::move(entry.name));
      inode = entry.parent;
    }
    Bytes path;
    for (auto name = names.rbegin(); name != names.rend(); ++name) {
      if (!path.empty()) path += '/';
      path += *name;
    }
    return path;
  }

  Status list(InodeNumber directory, ByteView after, const Visit& visit) override {
    if (directory == 0) return Done{};
    return each(kList, directory, after, visit);
  }

  Status scan(const Visit& visit) override { return each(kScan, std::nullopt, std::nullopt, visit); }

  Result<std::vector<PlacedSlice>> slices(const Entry& file, uint64_t offset_bytes, uint64_t length_bytes) override {
    const uint64_t size_bytes = file.node.size_bytes;
    if (offset_bytes >= size_bytes || length_bytes == 0) return std::vector<PlacedSlice>{};
    const uint64_t end_bytes = offset_bytes + std::min(length_bytes, size_bytes - offset_bytes);
    if (file.slices_elsewhere) return stored_slices(file, offset_bytes, end_bytes);
    std::vector<PlacedSlice> placed;
    uint64_t start_bytes = 0;
    for (const Slice& slice : file.slices) {
      if (start_bytes >= end_bytes) break;
      const uint64_t next_bytes = start_bytes + slice.length_bytes;
      if (next_bytes > offset_bytes) placed.push_back({start_bytes, slice});
      start_bytes = next_bytes;
    }
    return placed;
  }

  Result<std::vector<InodeNumber>> link_groups(InodeNumber directory) override {
    const Lease lease = TRY(borrow());
    SqlStatement& rows = *TRY(lease.session->statement(kLinkGroups));
    const ResetAtEnd reset(rows);
    rows.bind(1, directory);
    std::vector<InodeNumber> inodes;
    while (TRY(rows.step())) {
      const auto inode = static_cast<InodeNumber>(rows.integer(0));
      const bool sound = rows.is_integer(0) && inode >= kFirstFreeInode && inode <= kMaxInode;
      if (!sound || (!inodes.empty() && inode <= inodes.back()))
        return Error{Code::kCorrupt, str(label_, ": the link groups of directory ", directory, " are damaged")};
      inodes.push_back(inode);
    }
    return inodes;
  }

  Result<uint64_t> entry_count() override { return property("entries"); }
  Result<uint64_t> total_bytes() override { return property("bytes"); }
  Result<std::vector<ObjectId>> own_objects() override { return pages_->own_objects(); }

 private:
  // A session on loan; goes back to the pool.
  struct Lease {
    Lease(SqliteCatalog& from, std::unique_ptr<Session> lent) : catalog(from), session(std::move(lent)) {}
    Lease(Lease&&) = default;
    ~Lease() {
      if (session) catalog.give_back(std::move(session));
    }
    SqliteCatalog& catalog;
    std::unique_ptr<Session> session;
  };

  Result<Lease> borrow() {
    {
      const MutexLock lock(mutex_);
      if (!idle_.empty()) {
        Lease lease(*this, std::move(idle_.back()));
        idle_.pop_back();
        return lease;
      }
    }
    return Lease(*this, TRY(Session::open(*pages_, label_)));
  }

  void give_back(std::unique_ptr<Session> session) {
    const MutexLock lock(mutex_);
    if (idle_.size() < kIdleSessions) idle_.push_back(std::move(session));
  }

  static void bind(SqlStatement& rows, std::optional<InodeNumber> key, std::optional<ByteView> name) {
    if (key) rows.bind(1, *key);
    if (name) rows.bind(2, *name);
  }

  Result<Entry> one(Query query, InodeNumber key, std::optional<ByteView> name, const char* missing) {
    const Lease lease = TRY(borrow());
    SqlStatement& rows = *TRY(lease.session->statement(query));
    const ResetAtEnd reset(rows);
    bind(rows, key, name);
    if (!TRY(rows.step())) return Error{Code::kNotFound, missing};
    return TRY_WITHIN(label_, read_entry(rows));
  }

  // Every row of a query, checked for its order.
  Status each(Query query, std::optional<InodeNumber> key, std::optional<ByteView> name, const Visit& visit) {
    const Lease lease = TRY(borrow());
    SqlStatement& rows = *TRY(lease.session->statement(query));
    const ResetAtEnd reset(rows);
    bind(rows, key, name);
    std::optional<std::pair<InodeNumber, Bytes>> last;
    while (TRY(rows.step())) {
      Entry entry = TRY_WITHIN(label_, read_entry(rows));
      TRY_WITHIN(label_, check_order(last, entry));
      last.emplace(entry.parent, entry.name);
      if (!visit(std::move(entry))) break;
    }
    return Done{};
  }

  Result<std::vector<PlacedSlice>> stored_slices(const Entry& file, uint64_t offset_bytes, uint64_t end_bytes) {
    const Lease lease = TRY(borrow());
    SqlStatement& rows = *TRY(lease.session->statement(kSlices));
    const ResetAtEnd reset(rows);
    rows.bind(1, file.inode).bind(2, offset_bytes).bind(3, end_bytes);
    const Error damaged{Code::kCorrupt, str(label_, ": the slices of inode ", file.inode, " do not cover it")};
    std::vector<PlacedSlice> placed;
    uint64_t covered_bytes = 0;
    while (TRY(rows.step())) {
      const SliceRow row = TRY_WITHIN(label_, read_slice(rows));
      const bool fits = placed.empty() ? row.start_bytes <= offset_bytes : row.start_bytes == covered_bytes;
      if (!fits || row.slice.length_bytes > file.node.size_bytes - row.start_bytes) return damaged;
      covered_bytes = row.start_bytes + row.slice.length_bytes;
      placed.push_back({row.start_bytes, row.slice});
    }
    if (covered_bytes < end_bytes) return damaged;
    return placed;
  }

  Result<uint64_t> property(ByteView name) {
    const Lease lease = TRY(borrow());
    SqlStatement& rows = *TRY(lease.session->statement(kProperty));
    const ResetAtEnd reset(rows);
    rows.bind(1, name);
    if (!TRY(rows.step()) || !rows.is_integer(0) || rows.integer(0) < 0)
      return Error{Code::kCorrupt, str(label_, ": the property \"", name, "\" is missing")};
    return static_cast<uint64_t>(rows.integer(0));
  }

  Error index_disagrees(InodeNumber inode) const {
    return {Code::kCorrupt, str(label_, ": its index names a row for inode ", inode, " that is another's")};
  }

  const CatalogId id_;
  const std::string label_;
  const std::unique_ptr<CatalogPages> pages_;
  Mutex mutex_;
  std::vector<std::unique_ptr<Session>> idle_ GUARDED_BY(mutex_);
};

}  // namespace

Result<std::unique_ptr<Catalog>> Catalog::open(const CatalogId& id, ObjectReader& objects) {
  auto catalog = std::make_unique<SqliteCatalog>(id, TRY(CatalogPages::open(id, objects)));
  TRY(catalog->start());
  return std::unique_ptr<Catalog>(std::move(catalog));
}

}  // namespace granary
