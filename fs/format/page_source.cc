#include "fs/format/page_source.h"

#include <algorithm>
#include <thread>

namespace granary {

namespace {
constexpr size_t kKeptGroups = (size_t{32} << 20) / (kPageBytes * kPagesPerGroup);
constexpr unsigned kFetchThreads = 4;
constexpr uint64_t kSmallCatalogGroups = 128;  // 8 MiB plain: some 65,000 entries
constexpr uint64_t kReadsBeforeMore = 3;       // a catalog that is only mounted, or asked for one name, stays remote
constexpr uint64_t kMoreEachTime = 8;
constexpr uint64_t kMostAhead = 32;
}  // namespace

Status PageSource::write(uint32_t number, ByteView) {
  return Error{Code::kInvalid, str("page ", number, " of a read-only database cannot be written")};
}

CatalogPages::CatalogPages(const ObjectId& id, ObjectReader& objects, SharedBytes object, CatalogIndex index)
    : id_(id), objects_(objects), index_object_(std::move(object)), index_(std::move(index)) {
  if (index_.has_leaves()) leaves_.resize(index_.references.size());
}

Result<std::unique_ptr<CatalogPages>> CatalogPages::open(const ObjectId& id, ObjectReader& objects) {
  SharedBytes object = TRY_WITHIN("cannot read the catalog index", objects.read(id));
  CatalogIndex index = TRY_WITHIN(str("catalog ", id.brief()), decode_catalog_index(*object));
  return std::unique_ptr<CatalogPages>(new CatalogPages(id, objects, std::move(object), std::move(index)));
}

Result<Page> CatalogPages::page(uint32_t number) {
  for (const InlinedPage& inlined : index_.inlined) {
    if (inlined.number == number) return Page{index_object_, inlined.bytes};
  }
  if (number == 0 || number > index_.page_count)
    return Error{Code::kCorrupt, str("catalog ", id_.brief(), " has no page ", number)};
  SharedBytes bytes = TRY(group((number - 1) / kPagesPerGroup));
  const size_t offset = size_t{(number - 1) % kPagesPerGroup} * kPageBytes;
  const ByteView page = ByteView(*bytes).substr(offset, kPageBytes);
  return Page{std::move(bytes), page};
}

Result<CatalogPages::Leaf> CatalogPages::leaf(uint64_t number) {
  {
    const MutexLock lock(mutex_);
    if (leaves_[number]) return leaves_[number];
  }
  const uint64_t groups = group_count(index_.page_count) - number * kGroupsPerLeaf;
  const SharedBytes object = TRY(objects_.read(index_.references[number]));
  auto ids =
      TRY_WITHIN(str("catalog ", id_.brief()), decode_index_leaf(*object, std::min<uint64_t>(groups, kGroupsPerLeaf)));
  const MutexLock lock(mutex_);
  leaves_[number] = std::make_shared<const std::vector<ObjectId>>(std::move(ids));
  return leaves_[number];
}

Result<ObjectId> CatalogPages::group_id(uint64_t group) {
  if (!index_.has_leaves()) return index_.references[group];
  const Leaf ids = TRY(leaf(group / kGroupsPerLeaf));
  return (*ids)[group % kGroupsPerLeaf];
}

SharedBytes CatalogPages::kept(uint64_t group) {
  const MutexLock lock(mutex_);
  const auto found = by_group_.find(group);
  if (found == by_group_.end()) return nullptr;
  recent_.splice(recent_.begin(), recent_, found->second);
  return recent_.front().bytes;
}

void CatalogPages::keep(uint64_t group, const SharedBytes& bytes) {
  const MutexLock lock(mutex_);
  if (by_group_.count(group) != 0) return;  // another thread was faster
  recent_.push_front({group, bytes});
  by_group_[group] = recent_.begin();
  if (recent_.size() <= kKeptGroups) return;
  by_group_.erase(recent_.back().group);
  recent_.pop_back();
}

Result<SharedBytes> CatalogPages::group(uint64_t group) {
  if (SharedBytes bytes = kept(group)) return bytes;
  const ObjectId id = TRY(group_id(group));
  look_ahead(group);
  SharedBytes bytes = TRY(objects_.read(id));
  if (bytes->size() != group_size_bytes(index_.page_count, group))
    return Error{Code::kCorrupt, str("catalog ", id_.brief(), ": group ", group, " has ", bytes->size(), " bytes")};
  keep(group, bytes);
  return bytes;
}

// Called before each group is read, so that what it expects travels beside it.
void CatalogPages::look_ahead(uint64_t group) {
  const uint64_t groups = group_count(index_.page_count);
  uint64_t more = 0;
  {
    const MutexLock lock(mutex_);
    if (groups_read_ > 0 && group == last_read_) return;  // by somebody who did not wait for it
    in_order_ = group == last_read_ + 1 ? in_order_ + 1 : 0;
    last_read_ = group;
    more = std::min(2 * in_order_, kMostAhead);
    if (++groups_read_ >= kReadsBeforeMore && groups <= kSmallCatalogGroups) more = std::max(more, kMoreEachTime);
    if (expected_.empty()) expected_.resize(groups);
    expected_[group] = true;
  }
  for (uint64_t next = group + 1; more > 0 && next < groups; ++next) {
    if (next / kGroupsPerLeaf != group / kGroupsPerLeaf && index_.has_leaves()) return;  // its leaf may be far away
    const auto id = group_id(next);
    if (id && expect_once(next)) objects_.expect(*id), --more;
  }
}

bool CatalogPages::expect_once(uint64_t group) {
  const MutexLock lock(mutex_);
  if (expected_[group]) return false;
  return expected_[group] = true;
}

Result<std::vector<ObjectId>> CatalogPages::own_objects() {
  std::vector<ObjectId> ids{id_};
  if (index_.has_leaves()) ids.insert(ids.end(), index_.references.begin(), index_.references.end());
  const uint64_t groups = group_count(index_.page_count);
  ids.reserve(ids.size() + groups);
  for (uint64_t i = 0; i < groups; ++i) ids.push_back(TRY(group_id(i)));
  return ids;
}

void CatalogPages::fetch_all() {
  std::atomic<uint64_t> next{0};
  const uint64_t groups = group_count(index_.page_count);
  const auto work = [&] {
    for (uint64_t i = next++; i < groups; i = next++) {
      if (!group(i)) return;
    }
  };
  std::vector<std::thread> threads;
  for (unsigned i = 1; i < std::min<uint64_t>(kFetchThreads, groups); ++i) threads.emplace_back(work);
  work();
  for (std::thread& thread : threads) thread.join();
}

}  // namespace granary
