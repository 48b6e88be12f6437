// The bytes of one file of a snapshot, from its slices, in order. One thread; borrows catalog and reader.
#pragma once

#include <functional>

#include "fs/format/catalog.h"

namespace granary {

class FileContent {
 public:
  FileContent(Catalog& catalog, ObjectReader& objects) : catalog_(catalog), objects_(objects) {}

  // Hands all bytes of a regular file to `take`, a piece at a time; holes as zeros. Stops when `take` answers an error.
  //   kCorrupt  a slice reaches beyond its object;  otherwise what the reader said
  using Take = std::function<Status(ByteView piece)>;
  Status read(const Entry& file, const Take& take);

 private:
  Status read_slice(const Slice& slice, const Take& take);

  Catalog& catalog_;
  ObjectReader& objects_;
  ObjectId last_id_;  // neighbours share a pack
  SharedBytes last_;
};

// The whole of the file at `path` ("etc/motd").
//   kNotFound  no such file;  kInvalid  no regular file;  kEndlessData  longer than `limit_bytes`
Result<Bytes> read_whole_file(Catalog& catalog, ObjectReader& objects, ByteView path, uint64_t limit_bytes);

}  // namespace granary
