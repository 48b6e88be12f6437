// Catalogs that somebody tampered with: SQL run on a good one, or bytes of its pages changed.
#pragma once

#include "fs/format/catalog_database.h"
#include "server/catalog_writer.h"
#include "tests/support/changes.h"

namespace granary {

// `base` after `sql`, which need not leave a sound catalog behind.
inline CatalogId doctored(MemObjects& objects, const CatalogId& base, const std::string& sql) {
  const auto pages = CatalogPages::open(base, objects.reader);
  const auto overlay = PageOverlay::open(pages->get(), testing::TempDir());
  const auto database = Database::open(**overlay, "doctored catalog");
  EXPECT_TRUE(database) << database.error().message;
  const Status done = (*database)->execute(sql + "; COMMIT");
  EXPECT_TRUE(done) << done.error().message;
  const auto written = write_catalog(**overlay, pages->get(), base, *(*database)->roots(), objects.writer);
  EXPECT_TRUE(written);
  return written->id;
}

// The whole database of a catalog.
inline Bytes database_of(MemObjects& objects, const CatalogId& id) {
  const auto pages = CatalogPages::open(id, objects.reader);
  Bytes out;
  for (uint64_t group = 0; group < group_count((*pages)->page_count()); ++group) out += **(*pages)->group(group);
  return out;
}

// A catalog of these bytes, with nothing inlined. They are a multiple of the page size.
inline CatalogId catalog_of(ObjectWriter& writer, ByteView database) {
  CatalogIndex index;
  index.page_count = database.size() / kPageBytes;
  for (size_t offset = 0; offset < database.size(); offset += size_t{kPageBytes} * kPagesPerGroup)
    index.references.push_back(*writer.write(Bytes(database.substr(offset, size_t{kPageBytes} * kPagesPerGroup))));
  return *writer.write(encode_catalog_index(index));
}

}  // namespace granary
