// PageOverlay: a stored catalog's pages, with the changed ones kept apart in an unnamed temporary file.
// One thread. Borrows the base, which may be none: then the database is new.
#pragma once

#include <string>
#include <vector>

#include "fs/base/unique_fd.h"
#include "fs/format/page_source.h"

namespace granary {

class PageOverlay : public PageSource {
 public:
  // `scratch`: the directory for the temporary file.
  static Result<std::unique_ptr<PageOverlay>> open(CatalogPages* base, const std::string& scratch);

  uint64_t page_count() const override { return page_count_; }
  Result<Page> page(uint32_t number) override;
  bool writable() const override { return true; }
  Status write(uint32_t number, ByteView page) override;

  // Whether a page of the group was written, or the base has no such group; groups count from 0.
  bool changed(uint64_t group) const;
  Result<Bytes> group(uint64_t group);

 private:
  PageOverlay(CatalogPages* base, UniqueFd file);
  bool is_dirty(uint64_t number) const { return number < dirty_.size() && dirty_[number]; }

  CatalogPages* const base_;
  const uint64_t base_page_count_;
  const UniqueFd file_;
  uint64_t page_count_;
  std::vector<bool> dirty_;  // by page number
};

}  // namespace granary
