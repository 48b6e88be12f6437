#include "server/tar_source.h"

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <locale.h>

#include <algorithm>

#include "fs/base/file.h"
#include "server/large_file.h"
#include "server/refusals.h"
#include "server/tar_member.h"
#include "server/tree_builder.h"

namespace granary {

namespace {
constexpr la_int64_t kBlockBytes = 512;
constexpr size_t kReadBytes = 256 << 10;

// libarchive converts names to the locale's character set. In the C locale it cannot, and hands out the bytes as they
// are, which is what we want: any other locale may compose, replace or refuse characters.
class PlainBytesLocale {
 public:
  PlainBytesLocale() : plain_(::newlocale(LC_CTYPE_MASK, "C", nullptr)), before_(::uselocale(plain_)) {}
  ~PlainBytesLocale() {
    ::uselocale(before_);
    ::freelocale(plain_);
  }
  PlainBytesLocale(const PlainBytesLocale&) = delete;
  PlainBytesLocale& operator=(const PlainBytesLocale&) = delete;

 private:
  locale_t plain_, before_;
};

struct FreeArchive {
  void operator()(archive* reader) const { archive_read_free(reader); }
};
using Archive = std::unique_ptr<archive, FreeArchive>;

Error broken(archive* reader) {
  const char* why = archive_error_string(reader);
  return {Code::kCorrupt, str("the archive is damaged: ", why != nullptr ? why : "no reason given")};
}

Result<Archive> open_archive(int fd) {
  Archive reader(archive_read_new());
  archive* const raw = reader.get();
  for (const auto support :
       {archive_read_support_filter_none, archive_read_support_filter_gzip, archive_read_support_filter_bzip2,
        archive_read_support_filter_xz, archive_read_support_filter_lzma, archive_read_support_filter_zstd,
        archive_read_support_format_tar})
    support(raw);
  archive_read_set_format_option(raw, "tar", "hdrcharset", "BINARY");
  if (archive_read_open_fd(raw, fd, kReadBytes) != ARCHIVE_OK) {
    const char* why = archive_error_string(raw);
    return Error{Code::kInvalid, str("it is not a tar archive that we can read: ", why != nullptr ? why : "unknown")};
  }
  return reader;
}

// The bytes of the member that the archive stands at; what the archive leaves out is a hole.
class MemberReader : public FileReader {
 public:
  MemberReader(archive* reader, uint64_t size_bytes) : reader_(reader), size_bytes_(size_bytes) {}

  Result<Piece> next() override {
    while (block_.empty()) {
      const void* data = nullptr;
      size_t size = 0;
      la_int64_t offset = 0;
      const int status = archive_read_data_block(reader_, &data, &size, &offset);
      if (status == ARCHIVE_EOF) return Piece{{}, size_bytes_ - std::exchange(at_, size_bytes_)};
      if (status != ARCHIVE_OK) return broken(reader_);
      block_ = {static_cast<const char*>(data), size};
      block_at_ = static_cast<uint64_t>(offset);
      if (block_at_ < at_ || block_at_ > size_bytes_ || size > size_bytes_ - block_at_)
        return Error{Code::kCorrupt, "the archive is damaged: a sparse file's parts overlap or exceed it"};
    }
    if (block_at_ > at_) return Piece{{}, block_at_ - std::exchange(at_, block_at_)};
    at_ += block_.size();
    return Piece{std::exchange(block_, {}), 0};
  }

 private:
  archive* const reader_;
  const uint64_t size_bytes_;
  uint64_t at_ = 0;
  ByteView block_;
  uint64_t block_at_ = 0;
};

// TarReader: turns one archive into a source tree.
class TarReader {
 public:
  TarReader(archive* reader, Intake& intake) : reader_(reader), intake_(intake) {}

  Result<SourceTree> run() {
    while (!refusals_.full()) {
      const la_int64_t end_of_last = archive_filter_bytes(reader_, 0);
      archive_entry* entry = nullptr;
      const int status = archive_read_next_header(reader_, &entry);
      if (status == ARCHIVE_EOF) {
        TRY(expect_end_marker(end_of_last));
        break;
      }
      if (status != ARCHIVE_OK && status != ARCHIVE_WARN) return cannot_go_on();
      TRY(take(entry, status));
      if (intake_.progress && intake_.counters.entries % 256 == 0) intake_.progress(intake_.counters);
    }
    TRY(refusals_.status());
    return builder_.finish();
  }

 private:
  // An archive that was cut off between two members looks whole but for the zero blocks at its end.
  Status expect_end_marker(la_int64_t end_of_last) const {
    if (archive_filter_bytes(reader_, 0) - end_of_last >= kBlockBytes) return Done{};
    return Error{Code::kCorrupt, "the archive ends too early: its end marker is missing"};
  }

  Error cannot_go_on() const {
    if (intake_.counters.entries > 0) return broken(reader_);
    const char* why = archive_error_string(reader_);
    return {Code::kInvalid, str("it is not a tar archive that we can read: ", why != nullptr ? why : "unknown")};
  }

  // Errors of the member are refusals; those returned end it all.
  Status take(archive_entry* entry, int status) {
    ++intake_.counters.entries;
    const Bytes name = name_in_archive(entry);
    if (status == ARCHIVE_WARN && !is_about_characters()) {
      refusals_.add(name, {Code::kUnsupported, archive_error_string(reader_)});
      return Done{};
    }
    auto member = read_member(entry);
    if (!member) {
      refusals_.add(name, member.error());
      return Done{};
    }
    if (member->node.is_file() && !member->link_to)
      member->node.content = TRY_WITHIN(printable(name), take_content(*member));
    if (const Status placed = place(std::move(*member)); !placed) refusals_.add(name, placed.error());
    return Done{};
  }

  // That a name is not in the locale's character set does not matter: we want its bytes.
  bool is_about_characters() const {
    const char* why = archive_error_string(reader_);
    return why != nullptr && ByteView(why).find("can't be converted") != ByteView::npos;
  }

  Result<ContentTable::Number> take_content(const TarMember& member) {
    MemberReader file(reader_, member.size_bytes);
    ++intake_.counters.files_read;
    intake_.counters.bytes_read += member.size_bytes;
    if (member.size_bytes >= kLargeFileBytes) return intake_.contents.add(TRY(store_large_file(file, intake_.writer)));
    Bytes bytes;
    for (;;) {
      const FileReader::Piece piece = TRY(file.next());
      if (piece.at_end()) break;
      bytes.append(piece.bytes).append(piece.hole_bytes, '\0');
    }
    return intake_.packer.add(Digest::of(bytes), bytes);
  }

  Status place(TarMember&& member) {
    if (member.link_to) {
      const auto target = builder_.find(*member.link_to);
      if (!target)
        return Error{Code::kInvalid, str("it is a hard link to /", printable(*member.link_to),
                                         ", which the archive does not hold before it")};
      return builder_.link(member.path, *target);
    }
    member.node.xattrs = builder_.tree().keep_xattrs(member.xattrs);
    if (member.node.type == NodeType::kSymlink)
      member.node.target = builder_.tree().keep_target(std::move(member.target));
    return builder_.put(member.path, member.node);
  }

  archive* const reader_;
  Intake& intake_;
  TreeBuilder builder_;
  Refusals refusals_;
};
}  // namespace

Result<std::unique_ptr<TarSource>> TarSource::open(const std::string& path) {
  if (path == "-") return std::make_unique<TarSource>(UniqueFd(::fcntl(0, F_DUPFD_CLOEXEC, 0)), "standard input");
  return std::make_unique<TarSource>(TRY_WITHIN("cannot read the source", open_file(path, O_RDONLY)), path);
}

Result<SourceTree> TarSource::read(Intake& intake) {
  const PlainBytesLocale locale;
  const Archive reader = TRY_WITHIN("cannot read " + printable(name_), open_archive(archive_.get()));
  return TRY_WITHIN("cannot read " + printable(name_), TarReader(reader.get(), intake).run());
}

}  // namespace granary
