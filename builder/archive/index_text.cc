#include "builder/archive/index_text.h"

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "fs/base/file.h"

namespace granary {

namespace {
struct FreeArchive {
  void operator()(archive* reader) const { archive_read_free(reader); }
};

class MemoryText : public IndexText {
 public:
  explicit MemoryText(Bytes text) : text_(std::move(text)) {}
  ByteView view() const override { return text_; }

 private:
  const Bytes text_;
};

class MappedText : public IndexText {
 public:
  MappedText(void* start, size_t size_bytes) : start_(start), size_bytes_(size_bytes) {}
  MappedText(const MappedText&) = delete;
  MappedText& operator=(const MappedText&) = delete;
  ~MappedText() override { ::munmap(start_, size_bytes_); }
  ByteView view() const override { return {static_cast<const char*>(start_), size_bytes_}; }

 private:
  void* const start_;
  const size_t size_bytes_;
};

// A private mapping of a kept text; nothing when it is not there or not what it should be.
std::unique_ptr<IndexText> map_kept(const std::string& path, const ReleaseFile& plain) {
  const auto file = open_file(path, O_RDONLY);
  struct stat about {};
  if (!file || ::fstat(file->get(), &about) != 0 || about.st_size <= 0) return nullptr;
  const auto size_bytes = static_cast<size_t>(about.st_size);
  if (size_bytes != plain.size_bytes) return nullptr;
  void* const start = ::mmap(nullptr, size_bytes, PROT_READ, MAP_PRIVATE | MAP_POPULATE, file->get(), 0);
  if (start == MAP_FAILED) return nullptr;
  auto text = std::make_unique<MappedText>(start, size_bytes);
  if (Digest::of(text->view()) != plain.digest) return nullptr;
  return text;
}
}  // namespace

Result<Bytes> decompress(ByteView stored, uint64_t limit_bytes) {
  if (stored.empty()) return Bytes();
  const std::unique_ptr<archive, FreeArchive> reader(archive_read_new());
  archive_read_support_format_raw(reader.get());
  archive_read_support_filter_xz(reader.get());
  archive_read_support_filter_gzip(reader.get());
  archive_read_support_filter_zstd(reader.get());
  archive_read_support_filter_bzip2(reader.get());
  archive_entry* entry = nullptr;
  const auto corrupt = [&] {
    const char* const why = archive_error_string(reader.get());
    return Error{Code::kCorrupt, str("it cannot be decompressed: ", why == nullptr ? "it is damaged" : why)};
  };
  if (archive_read_open_memory(reader.get(), stored.data(), stored.size()) != ARCHIVE_OK ||
      archive_read_next_header(reader.get(), &entry) != ARCHIVE_OK)
    return corrupt();
  Bytes plain;
  plain.reserve(std::min<uint64_t>(limit_bytes, 256 << 20));
  for (;;) {
    const void* block = nullptr;
    size_t size_bytes = 0;
    la_int64_t offset = 0;
    const int outcome = archive_read_data_block(reader.get(), &block, &size_bytes, &offset);
    if (outcome == ARCHIVE_EOF) return plain;
    if (outcome != ARCHIVE_OK) return corrupt();
    if (plain.size() + size_bytes > limit_bytes)
      return Error{Code::kEndlessData, str("it is longer than the ", limit_bytes, " bytes it may have")};
    plain.append(static_cast<const char*>(block), size_bytes);
  }
}

Result<std::unique_ptr<IndexText>> open_index(ByteView stored, const ReleaseFile& plain, const std::string& folder) {
  const std::string path = folder + "/" + plain.digest.hex();
  if (!folder.empty()) {
    if (auto kept = map_kept(path, plain)) return kept;
  }
  Bytes text = TRY(decompress(stored, plain.size_bytes));
  if (text.size() != plain.size_bytes || Digest::of(text) != plain.digest)
    return Error{Code::kCorrupt, "its plain text is not what the release names"};
  const bool keeps = !folder.empty() && make_directories(folder).has_value();
  if (keeps) static_cast<void>(replace_file(path, text, 0644, Durability::kFast));  // else it is read anew next time
  return std::unique_ptr<IndexText>(std::make_unique<MemoryText>(std::move(text)));
}

}  // namespace granary
