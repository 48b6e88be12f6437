#include "tools/report_archive.h"

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>

#include <ctime>

#include "fs/base/file.h"

namespace granary {

namespace {
struct FreeArchive {
  void operator()(archive* writer) const { ::archive_write_free(writer); }
};
struct FreeEntry {
  void operator()(archive_entry* entry) const { ::archive_entry_free(entry); }
};

class TarGz : public ReportArchive {
 public:
  TarGz(UniqueFd fd, std::string folder)
      : fd_(std::move(fd)), folder_(std::move(folder)), tar_(::archive_write_new()) {}

  Status open() {
    const bool opened = ::archive_write_set_format_pax_restricted(tar_.get()) == ARCHIVE_OK &&
                        ::archive_write_add_filter_gzip(tar_.get()) == ARCHIVE_OK &&
                        ::archive_write_open_fd(tar_.get(), fd_.get()) == ARCHIVE_OK;
    return opened ? Status(Done{}) : failed("cannot begin the archive");
  }

  Status add(const std::string& name, const std::string& text) override {
    const std::unique_ptr<archive_entry, FreeEntry> entry(::archive_entry_new());
    ::archive_entry_set_pathname(entry.get(), (folder_ + "/" + name).c_str());
    ::archive_entry_set_filetype(entry.get(), AE_IFREG);
    ::archive_entry_set_perm(entry.get(), 0600);
    ::archive_entry_set_size(entry.get(), static_cast<int64_t>(text.size()));
    ::archive_entry_set_mtime(entry.get(), std::time(nullptr), 0);
    const bool written =
        ::archive_write_header(tar_.get(), entry.get()) == ARCHIVE_OK &&
        ::archive_write_data(tar_.get(), text.data(), text.size()) == static_cast<la_ssize_t>(text.size());
    return written ? Status(Done{}) : failed("cannot add " + name);
  }

  Status close() override {
    return ::archive_write_close(tar_.get()) == ARCHIVE_OK ? Status(Done{}) : failed("cannot end the archive");
  }

 private:
  Error failed(const std::string& what) const {
    const char* const why = ::archive_error_string(tar_.get());
    return {Code::kInternal, str(what, ": ", why == nullptr ? "?" : why)};
  }

  const UniqueFd fd_;
  const std::string folder_;
  const std::unique_ptr<archive, FreeArchive> tar_;
};
}  // namespace

Result<std::unique_ptr<ReportArchive>> ReportArchive::create(const std::string& file, const std::string& folder) {
  auto tar = std::make_unique<TarGz>(TRY(open_file(file, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0600)), folder);
  TRY(tar->open());
  return std::unique_ptr<ReportArchive>(std::move(tar));
}

}  // namespace granary
