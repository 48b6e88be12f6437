// A large file made of runs, each told by four bytes: what kind, a seed, and a length. Wherever its pieces end and its
// holes lie, the slices give it back, and chunks keep within their bounds.
#include "fuzz/fuzz.h"
#include "server/chunker.h"
#include "server/large_file.h"
#include "support/memory_objects.h"

namespace granary {
namespace {
class Runs : public FileReader {
 public:
  Runs(ByteView script, bool whole) : script_(script), whole_(whole) {}

  Result<Piece> next() override {
    while (script_.size() >= 4 && total_ < (size_t{8} << 20)) {
      const auto byte = [&](size_t i) { return static_cast<unsigned char>(script_[i]); };
      const size_t length = (byte(2) + size_t{256} * byte(3)) * (1 + byte(0) / 64);
      const int kind = byte(0) % 3;
      auto noise = static_cast<uint32_t>(byte(1));
      script_.remove_prefix(4);
      if (length == 0) continue;
      total_ += length;
      if (kind == 2 && whole_) return Piece{{}, length};
      piece_.assign(length, '\0');
      if (kind == 1) {
        for (char& c : piece_) c = static_cast<char>((noise = noise * 1664525 + 1013904223) >> 24);
      }
      return Piece{piece_, 0};
    }
    return Piece{};
  }

 private:
  ByteView script_;
  const bool whole_;
  size_t total_ = 0;
  Bytes piece_;
};
}  // namespace

void try_input(ByteView input) {
  MemoryObjects objects;
  Runs file(input, true), zeros_written_out(input, false);
  const Content content = *store_large_file(file, objects);
  Sha256 hash;
  uint64_t size_bytes = 0;
  for (const Slice& slice : content.slices) {
    promise(slice.length_bytes > 0, "no slice is empty");
    size_bytes += slice.length_bytes;
    hash.update(slice.is_hole() ? Bytes(slice.length_bytes, '\0')
                                : objects.at(slice.object).substr(slice.offset_bytes, slice.length_bytes));
  }
  promise(size_bytes == content.size_bytes, "slices cover the file");
  promise(hash.finish() == content.digest, "slices give the file back");
  for (const auto& [id, bytes] : objects.all()) promise(bytes.size() <= kMaxChunkBytes, "no chunk is too large");
  promise(store_large_file(zeros_written_out, objects)->digest == content.digest, "a hole is as good as its zeros");
}
}  // namespace granary
