#include "builder/export/tar_exporter.h"

#include <archive.h>
#include <fcntl.h>
#include <locale.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fs/base/file.h"

namespace granary {

namespace {
struct FreeWriter {
  void operator()(archive* writer) const { ::archive_write_free(writer); }
};
using Writer = std::unique_ptr<archive, FreeWriter>;

// libarchive looks at the locale to see whether a name is UTF-8, as pax wants it; others are marked as bytes.
class Utf8Locale {
 public:
  Utf8Locale() : locale_(::newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr)), before_(::uselocale(locale_)) {}
  Utf8Locale(const Utf8Locale&) = delete;
  Utf8Locale& operator=(const Utf8Locale&) = delete;
  ~Utf8Locale() {
    ::uselocale(before_);
    if (locale_ != nullptr) ::freelocale(locale_);
  }

 private:
  const locale_t locale_, before_;
};

struct Output {
  int fd;
  bool is_socket;
};

la_ssize_t write_some(archive* writer, void* context, const void* data, size_t size) {
  const auto& output = *static_cast<const Output*>(context);
  for (;;) {
    const ssize_t written =
        output.is_socket ? ::send(output.fd, data, size, MSG_NOSIGNAL) : ::write(output.fd, data, size);
    if (written >= 0) return written;
    if (errno == EINTR) continue;
    const int number = errno;
    ::archive_set_error(writer, number, "%s", system_error(number, "cannot write the archive").message.c_str());
    return -1;
  }
}

Status set_up(archive* writer, TarCompression compression) {
  int bad = ::archive_write_set_format_pax(writer);
  bad |= ::archive_write_set_bytes_in_last_block(writer, 1);  // the same whether compressed or not
  bad |= ::archive_write_set_format_option(writer, "pax", "xattrheader", "SCHILY");  // as GNU tar reads them
  if (compression == TarCompression::kGzip) {
    bad |= ::archive_write_add_filter_gzip(writer);
    bad |= ::archive_write_set_filter_option(writer, "gzip", "timestamp", nullptr);
  }
  if (compression == TarCompression::kZstd) {
    bad |= ::archive_write_add_filter_zstd(writer);
    bad |= ::archive_write_set_filter_option(writer, "zstd", "compression-level", "9");
  }
  if (bad != ARCHIVE_OK) return archive_failure(writer, "this libarchive cannot write such an archive");
  return Done{};
}
}  // namespace

Result<ExportReport> write_tar(const ExportRequest& request, TarCompression compression, int to,
                               const TreeArchiveOptions& options) {
  const Utf8Locale utf8;
  const Writer writer(::archive_write_new());
  TRY(set_up(writer.get(), compression));
  int type = 0;
  socklen_t size = sizeof type;
  Output output{to, ::getsockopt(to, SOL_SOCKET, SO_TYPE, &type, &size) == 0};
  if (::archive_write_open(writer.get(), &output, nullptr, write_some, nullptr) != ARCHIVE_OK)
    return archive_failure(writer.get(), "cannot write the archive");
  Result<ExportReport> report = write_tree(request, writer.get(), options);
  if (!report) {
    ::archive_write_fail(writer.get());  // what is there shall not look whole
    return report;
  }
  if (::archive_write_close(writer.get()) != ARCHIVE_OK)
    return archive_failure(writer.get(), "cannot write the archive");
  return report;
}

Result<ExportReport> TarExporter::write(const ExportRequest& request, const std::string& path) {
  if (path == "-") return write_tar(request, compression_, STDOUT_FILENO);
  const UniqueFd file = TRY(open_file(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
  return write_tar(request, compression_, file.get());
}

}  // namespace granary
