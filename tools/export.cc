// `export`: writes the tree of a snapshot as a tar, a disk or an image, for those who do not mount.
#include <fcntl.h>
#include <unistd.h>

#include "builder/export/exporter.h"
#include "fs/base/file.h"
#include "fs/base/unique_name.h"
#include "tools/commands.h"
#include "tools/format.h"
#include "tools/progress.h"
#include "tools/reading.h"
#include "tools/repository_option.h"

namespace granary {

namespace {
struct Options {
  ReadingOptions reading;
  std::string snapshot = "main";
  std::string format;
  std::string output;
  std::string size;
  bool force = false;
  bool json = false;
};

// What an output file is called until it is whole.
class Unfinished {
 public:
  explicit Unfinished(std::string target) : target_(std::move(target)), path_(str(target_, ".tmp", unique_name())) {}
  Unfinished(const Unfinished&) = delete;
  Unfinished& operator=(const Unfinished&) = delete;
  ~Unfinished() {
    if (!done_) ::unlink(path_.c_str());
  }
  const std::string& path() const { return path_; }
  Status finish() {
    const UniqueFd file = TRY(open_file(path_, O_RDONLY | O_CLOEXEC));
    if (::fsync(file.get()) != 0) return system_error(errno, "cannot write " + printable(path_));
    if (::rename(path_.c_str(), target_.c_str()) != 0)
      return system_error(errno, "cannot put " + printable(target_) + " in place");
    done_ = true;
    return Done{};
  }

 private:
  const std::string target_, path_;
  bool done_ = false;
};

// main@2026-11-01 and the like make poor file names.
std::string default_output(const Options& options, const ResolvedSnapshot& snapshot) {
  const bool plain = options.snapshot.find_first_of("/@~") == std::string::npos;
  return (plain ? options.snapshot : snapshot.id.brief()) + "." + options.format;
}

void tell(const Options& options, const ResolvedSnapshot& snapshot, const std::string& output, uint64_t size_bytes,
          const ExportReport& report, Io& io) {
  for (const std::string& loss : report.losses)
    io.err << "granary: " << options.format << " cannot hold the " << loss << "\n";
  if (output == "-") return;
  if (options.json) {
    print_json(io, {{"snapshot", snapshot.id.hex()},
                    {"tree_digest", snapshot.snapshot.tree.hex()},
                    {"format", options.format},
                    {"path", printable(output)},
                    {"bytes", size_bytes},
                    {"losses", report.losses}});
  } else {
    io.out << "exported snapshot " << snapshot.id.brief() << " to " << printable(output) << ", "
           << human_bytes(size_bytes) << "\n";
  }
}

Result<uint64_t> file_size(const std::string& path) {
  const UniqueFd file = TRY(open_file(path, O_RDONLY | O_CLOEXEC));
  return static_cast<uint64_t>(::lseek(file.get(), 0, SEEK_END));
}

Status check_output(const Exporter& exporter, const Options& options, const std::string& output) {
  if (output == "-" && exporter.can_stream()) return Done{};
  if (output == "-")
    return Error{Code::kInvalid, options.format + " cannot be written to standard output: name a file with -o"};
  if (!options.force && exists(output))
    return Error{Code::kConflict, printable(output) + " exists: name another file, or say --force to replace it"};
  return Done{};
}

Status run(const Options& options, Io& io) {
  const auto exporter = TRY(exporter_for(options.format));
  const uint64_t size_bytes = options.size.empty() ? 0 : TRY(parse_size(options.size));
  const bool is_disk = options.format == "raw" || options.format == "qcow2";
  if (size_bytes != 0 && !is_disk)
    return Error{Code::kInvalid, "--size is for disks: " + options.format + " is as large as its content"};
  const auto reading = TRY(Reading::open(options.reading, TRY(selector_of(options.snapshot)), io));
  const ResolvedSnapshot snapshot = TRY(reading->resolve(options.snapshot));
  const auto catalog = TRY(reading->catalog(snapshot));
  const std::string output = options.output.empty() ? default_output(options, snapshot) : options.output;
  TRY(check_output(*exporter, options, output));

  Progress progress(io);
  ExportRequest request{*catalog, reading->objects(), snapshot.snapshot.tree, size_bytes};
  request.on_progress = [&](const ExportProgress& now) {
    progress.show(now.bytes_total == 0
                      ? std::string(now.step)
                      : str(now.step, ": ", human_bytes(now.bytes), " of ", human_bytes(now.bytes_total)));
  };
  if (output == "-") {
    io.out.flush();
    const ExportReport report = TRY_WITHIN("cannot export", exporter->write(request, output));
    progress.clear();
    tell(options, snapshot, output, 0, report, io);
    return Done{};
  }
  Unfinished file(output);
  const ExportReport report =
      TRY_WITHIN("cannot export to " + printable(output), exporter->write(request, file.path()));
  const uint64_t written_bytes = TRY(file_size(file.path()));
  TRY(file.finish());
  progress.clear();
  tell(options, snapshot, output, written_bytes, report, io);
  return Done{};
}

Action define(CLI::App& app) {
  const auto options = std::make_shared<Options>();
  add_reading_options(app, options->reading);
  app.add_option("SNAPSHOT,-s,--snapshot", options->snapshot, "a branch, tag, snapshot id, main@DATE or main~N")
      ->default_val("main");
  accept_repository_option(app, options->reading.where, options->snapshot);
  std::string formats;
  for (const std::string& format : export_formats()) formats += (formats.empty() ? "" : ", ") + format;
  app.add_option("--format", options->format, formats)->required();
  app.add_option("-o,--output", options->output,
                 "the file to write; - is standard output, for tars (default: SNAPSHOT.FORMAT)");
  app.add_option("--size", options->size, "of a disk, such as 4G (default: what the tree needs, and some room)");
  app.add_flag("--force", options->force, "replace the file if it exists");
  app.add_flag("--json", options->json, "print JSON");
  return [options](Io& io) { return run(*options, io); };
}
}  // namespace

const Command kExportCommand{
    "export", "write a snapshot as a tar, a disk or an image",
    "The same tree gives the same bytes, whenever and wherever it is exported. tar, tar.gz and tar.zst can go to "
    "standard "
    "output; squashfs is made by tar2sqfs. raw is an ext4 file system that fills the disk (it does not boot by "
    "itself), "
    "qcow2 the same for virtual machines; both are laid out beside the file first and need root, but no loop device. "
    "What a format cannot hold (sockets; ACLs in squashfs) is named on standard error.",
    "granary export /srv/sw main --format tar.zst -o sw.tar.zst\n"
    "granary export /srv/sw v1.2 --format tar -o - | docker import - sw:v1.2\n"
    "granary export /srv/sw main --format qcow2 --size 8G -o sw.qcow2",
    define};

}  // namespace granary
