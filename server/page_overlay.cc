#include "server/page_overlay.h"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>

#include "fs/base/file.h"

namespace granary {

namespace {
off_t offset_of(uint32_t number) { return off_t{number - 1} * kPageBytes; }

Result<UniqueFd> unnamed_file(const std::string& directory) {
  std::string path = directory + "/catalog-XXXXXX";
  UniqueFd file(::mkostemp(path.data(), O_CLOEXEC));
  if (!file.valid()) return system_error(errno, "cannot make a temporary file in " + directory);
  if (::unlink(path.c_str()) != 0) return system_error(errno, "cannot remove " + path);
  return file;
}
}  // namespace

PageOverlay::PageOverlay(CatalogPages* base, UniqueFd file)
    : base_(base),
      base_page_count_(base == nullptr ? 0 : base->page_count()),
      file_(std::move(file)),
      page_count_(base_page_count_) {}

Result<std::unique_ptr<PageOverlay>> PageOverlay::open(CatalogPages* base, const std::string& scratch) {
  return std::unique_ptr<PageOverlay>(new PageOverlay(base, TRY(unnamed_file(scratch))));
}

Result<Page> PageOverlay::page(uint32_t number) {
  if (number == 0 || number > page_count_) return Error{Code::kCorrupt, str("the catalog has no page ", number)};
  if (!is_dirty(number) && number <= base_page_count_) return base_->page(number);
  auto bytes = std::make_shared<Bytes>();
  if (is_dirty(number)) *bytes = TRY(read_at(file_.get(), offset_of(number), kPageBytes));
  bytes->resize(kPageBytes);  // a page that SQLite skipped is zero
  const ByteView view = *bytes;
  return Page{std::move(bytes), view};
}

Status PageOverlay::write(uint32_t number, ByteView page) {
  if (number > kMaxPages) return Error{Code::kUnsupported, "the catalog is larger than the format allows"};
  TRY_WITHIN("cannot write the catalog's temporary file", write_all_at(file_.get(), offset_of(number), page));
  if (number >= dirty_.size()) dirty_.resize(number + number / 2 + 1);
  dirty_[number] = true;
  page_count_ = std::max<uint64_t>(page_count_, number);
  return Done{};
}

bool PageOverlay::changed(uint64_t group) const {
  if (group >= group_count(base_page_count_)) return true;
  if (group_size_bytes(page_count_, group) != group_size_bytes(base_page_count_, group)) return true;
  for (uint64_t i = 0; i < kPagesPerGroup; ++i) {
    if (is_dirty(group * kPagesPerGroup + 1 + i)) return true;
  }
  return false;
}

Result<Bytes> PageOverlay::group(uint64_t group) {
  Bytes out;
  const size_t size_bytes = group_size_bytes(page_count_, group);
  out.reserve(size_bytes);
  for (uint64_t number = group * kPagesPerGroup + 1; out.size() < size_bytes; ++number)
    out += TRY(page(static_cast<uint32_t>(number))).bytes;
  return out;
}

}  // namespace granary
