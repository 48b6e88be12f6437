#include "builder/debian/deb_file.h"

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <charconv>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "fs/base/file.h"

namespace granary {

namespace {
constexpr std::string_view kMagic = "!<arch>\n";
constexpr size_t kHeaderBytes = 60;
constexpr size_t kMaxMembers = 64;
constexpr size_t kMaxPathBytes = 4096;
constexpr size_t kReadBytes = 256 << 10;

struct FreeArchive {
  void operator()(archive* reader) const { archive_read_free(reader); }
};
using Archive = std::unique_ptr<archive, FreeArchive>;

struct ArHeader {
  std::string_view name;
  uint64_t size_bytes = 0;
};

std::string_view trimmed(std::string_view field) {
  while (!field.empty() && (field.back() == ' ' || field.back() == '/')) field.remove_suffix(1);
  return field;
}

// ar(5): name 16, time 12, uid 6, gid 6, mode 8, size 10, and "`\n".
std::optional<ArHeader> parse_ar_header(std::string_view bytes) {
  if (bytes.size() != kHeaderBytes || bytes.substr(58) != "`\n") return std::nullopt;
  ArHeader header{trimmed(bytes.substr(0, 16)), 0};
  const std::string_view size = trimmed(bytes.substr(48, 10));
  const auto parsed = std::from_chars(size.data(), size.data() + size.size(), header.size_bytes);
  if (parsed.ec != std::errc{} || parsed.ptr != size.data() + size.size()) return std::nullopt;
  return header;
}

// "NAME.tar" or "NAME.tar.gz": the compression is told by the bytes, but others than these are refused by name.
bool is_tar(std::string_view member, std::string_view name) {
  if (!member.starts_with(name)) return false;
  member.remove_prefix(name.size());
  return member == ".tar" || member == ".tar.gz" || member == ".tar.xz" || member == ".tar.zst";
}

// Lets libarchive read one member of the file, from many threads at once if need be.
struct Section {
  int file;
  uint64_t offset, end;
  std::vector<char> buffer = std::vector<char>(kReadBytes);

  static la_ssize_t read(archive* reader, void* self, const void** bytes) {
    Section& section = *static_cast<Section*>(self);
    *bytes = section.buffer.data();
    const size_t wanted = std::min<uint64_t>(section.buffer.size(), section.end - section.offset);
    const ssize_t got = ::pread(section.file, section.buffer.data(), wanted, static_cast<off_t>(section.offset));
    if (got < 0) archive_set_error(reader, errno, "cannot read");
    if (got > 0) section.offset += static_cast<uint64_t>(got);
    return got;
  }
};

// "./usr/bin" and "usr/bin/" are usr/bin. Nothing that is absolute, or climbs, or has a NUL.
std::optional<std::string> clean_path(std::string_view name) {
  if (name.empty() || name.size() > kMaxPathBytes || name.front() == '/') return std::nullopt;
  std::string path;
  while (!name.empty()) {
    const size_t slash = std::min(name.find('/'), name.size());
    const std::string_view part = name.substr(0, slash);
    name.remove_prefix(std::min(slash + 1, name.size()));
    if (part.empty() || part == ".") continue;
    if (part == ".." || part.find('\0') != part.npos) return std::nullopt;
    if (!path.empty()) path += '/';
    path += part;
  }
  return path;
}

std::optional<DebEntry::Type> type_of(archive_entry* entry) {
  if (archive_entry_hardlink(entry) != nullptr) return DebEntry::Type::kHardLink;
  switch (archive_entry_filetype(entry)) {
    case AE_IFREG: return DebEntry::Type::kFile;
    case AE_IFDIR: return DebEntry::Type::kDirectory;
    case AE_IFLNK: return DebEntry::Type::kSymlink;
    case AE_IFCHR: return DebEntry::Type::kCharacterDevice;
    case AE_IFBLK: return DebEntry::Type::kBlockDevice;
    case AE_IFIFO: return DebEntry::Type::kFifo;
    default: return std::nullopt;
  }
}

std::string text_of(const char* text) { return text == nullptr ? std::string() : std::string(text); }

Result<DebEntry> entry_of(archive_entry* from) {
  const std::string name = text_of(archive_entry_pathname(from));
  const auto path = clean_path(name);
  if (!path) return Error{Code::kInvalid, str("it has a file named ", printable(name), ", which leaves the tree")};
  const auto type = type_of(from);
  if (!type) return Error{Code::kCorrupt, str(printable(name), " is of an unknown kind")};
  DebEntry entry;
  entry.path = *path;
  entry.type = *type;
  if (path->empty() && entry.type != DebEntry::Type::kDirectory)
    return Error{Code::kCorrupt, "its root is not a directory"};
  entry.mode = static_cast<uint16_t>(archive_entry_perm(from) & 07777);
  entry.uid = static_cast<uint32_t>(archive_entry_uid(from));
  entry.gid = static_cast<uint32_t>(archive_entry_gid(from));
  entry.mtime = archive_entry_mtime(from);
  if (entry.type == DebEntry::Type::kFile) {
    if (archive_entry_size(from) < 0) return Error{Code::kCorrupt, str(printable(name), " has no size")};
    entry.size_bytes = static_cast<uint64_t>(archive_entry_size(from));
  }
  if (entry.type == DebEntry::Type::kSymlink) {
    entry.target = text_of(archive_entry_symlink(from));
    if (entry.target.empty() || entry.target.size() > kMaxPathBytes)
      return Error{Code::kCorrupt, str(printable(name), " points nowhere")};
  }
  if (entry.type == DebEntry::Type::kHardLink) {
    const auto target = clean_path(text_of(archive_entry_hardlink(from)));
    if (!target || target->empty())
      return Error{Code::kInvalid, str(printable(name), " is a link that leaves the tree")};
    entry.target = *target;
  }
  if (entry.type == DebEntry::Type::kCharacterDevice || entry.type == DebEntry::Type::kBlockDevice) {
    entry.major = static_cast<uint32_t>(archive_entry_rdevmajor(from));
    entry.minor = static_cast<uint32_t>(archive_entry_rdevminor(from));
  }
  return entry;
}

Error damaged(archive* reader, const char* what) {
  const char* why = archive_error_string(reader);
  return {Code::kCorrupt, str("its ", what, " archive is damaged", why != nullptr ? ": " : "", why ? why : "")};
}

// The content of the entry that `reader` stands on, piece by piece.
template <class Take>
Status each_piece(archive* reader, uint64_t size_bytes, const Take& take) {
  static thread_local std::vector<char> buffer(kReadBytes);
  uint64_t left = size_bytes;
  while (left > 0) {
    const la_ssize_t got = archive_read_data(reader, buffer.data(), std::min<uint64_t>(left, buffer.size()));
    if (got < 0) return damaged(reader, "data");
    if (got == 0) return Error{Code::kCorrupt, "one of its files ends too early"};
    left -= static_cast<uint64_t>(got);
    TRY(take(ByteView(buffer.data(), static_cast<size_t>(got))));
  }
  return Done{};
}
}  // namespace

Result<DebFile> DebFile::open(const std::string& path) { return read(TRY(open_file(path, O_RDONLY)), path); }

Result<DebFile> DebFile::read(UniqueFd file, std::string name) {
  DebFile deb(std::move(file), std::move(name));
  TRY_WITHIN(printable(deb.name_) + " is not a Debian package", deb.find_members());
  return deb;
}

Status DebFile::find_members() {
  struct stat attributes {};
  if (::fstat(file_.get(), &attributes) != 0) return system_error(errno, "cannot read");
  const auto end = static_cast<uint64_t>(attributes.st_size);
  if (TRY(read_at(file_.get(), 0, kMagic.size())) != kMagic) return Error{Code::kCorrupt, "it is no ar archive"};

  bool has_version = false;
  uint64_t offset = kMagic.size();
  for (size_t count = 0; offset < end && data_.offset == 0; ++count) {
    if (count == kMaxMembers) return Error{Code::kCorrupt, "it has too many parts"};
    const Bytes bytes = TRY(read_at(file_.get(), static_cast<off_t>(offset), kHeaderBytes));
    const auto header = parse_ar_header(bytes);
    const uint64_t begin = offset + kHeaderBytes;
    if (!header || begin > end || header->size_bytes > end - begin)
      return Error{Code::kCorrupt, str("it is damaged or cut off at byte ", offset)};
    const Member member{begin, header->size_bytes};
    if (!has_version) {
      if (header->name != "debian-binary") return Error{Code::kCorrupt, "it does not begin with debian-binary"};
      const auto version = read_at(file_.get(), static_cast<off_t>(begin), 2);
      if (!version) return version.error();
      if (!version->starts_with("2.")) return Error{Code::kUnsupported, "its format is not 2.0"};
      has_version = true;
    } else if (is_tar(header->name, "control")) {
      control_ = member;
    } else if (is_tar(header->name, "data")) {
      data_ = member;
    } else if (header->name.starts_with("control.tar") || header->name.starts_with("data.tar")) {
      return Error{Code::kUnsupported, str("cannot read ", printable(header->name), ": only gz, xz and zst")};
    } else if (!header->name.starts_with("_")) {
      return Error{Code::kCorrupt, str("it has a part named ", printable(header->name))};
    }
    offset = begin + header->size_bytes + header->size_bytes % 2;
  }
  if (control_.offset == 0) return Error{Code::kCorrupt, "it has no control.tar"};
  if (data_.offset == 0) return Error{Code::kCorrupt, "it has no data.tar"};
  return Done{};
}

template <class Take>
Status DebFile::each_entry(const Member& member, uint64_t entry_limit, uint64_t bytes_limit, const Take& take) const {
  const Archive reader(archive_read_new());
  archive* const raw = reader.get();
  if (raw == nullptr) return Error{Code::kInternal, "no memory to read an archive"};
  for (const auto enable : {archive_read_support_filter_gzip, archive_read_support_filter_xz,
                            archive_read_support_filter_zstd, archive_read_support_format_tar})
    enable(raw);
  archive_read_set_format_option(raw, "tar", "hdrcharset", "BINARY");
  Section section{file_.get(), member.offset, member.offset + member.size_bytes};
  const char* const what = member.offset == control_.offset ? "control" : "data";
  if (archive_read_open(raw, &section, nullptr, Section::read, nullptr) != ARCHIVE_OK) return damaged(raw, what);

  uint64_t entries = 0, bytes = 0;
  for (;;) {
    archive_entry* from = nullptr;
    const int status = archive_read_next_header(raw, &from);
    if (status == ARCHIVE_EOF) break;
    if (status != ARCHIVE_OK && status != ARCHIVE_WARN) return damaged(raw, what);
    const DebEntry entry = TRY(entry_of(from));
    if (++entries > entry_limit || entry.size_bytes > bytes_limit - bytes)
      return Error{Code::kEndlessData, str("its ", what, " archive holds more than a package can have")};
    bytes += entry.size_bytes;
    TRY(take(raw, entry));
  }
  return Done{};
}

Result<DebControl> DebFile::control() const {
  DebControl files;
  const auto keep = [&](archive* reader, const DebEntry& entry) -> Status {
    if (entry.type != DebEntry::Type::kFile) return Done{};
    if (entry.path.find('/') != std::string::npos)
      return Error{Code::kCorrupt, str("its control archive has a file ", printable(entry.path))};
    files[entry.path] = {{}, entry.mode, entry.mtime};
    Bytes& content = files[entry.path].content;
    return each_piece(reader, entry.size_bytes, [&](ByteView piece) -> Status {
      content += piece;
      return Done{};
    });
  };
  TRY_WITHIN("cannot read " + printable(name_), each_entry(control_, kMaxControlFiles, kMaxControlBytes, keep));
  if (!files.contains("control")) return Error{Code::kCorrupt, printable(name_) + " has no control file"};
  return files;
}

Status DebFile::data(DebReceiver& receiver) const {
  const auto hand_over = [&](archive* reader, const DebEntry& entry) -> Status {
    TRY(receiver.entry(entry));
    return each_piece(reader, entry.size_bytes, [&](ByteView piece) { return receiver.content(piece); });
  };
  TRY_WITHIN("cannot unpack " + printable(name_), each_entry(data_, kMaxEntries, kMaxDataBytes, hand_over));
  return Done{};
}

}  // namespace granary
