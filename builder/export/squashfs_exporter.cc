#include "builder/export/squashfs_exporter.h"

#include <sys/socket.h>

#include <thread>

#include "builder/export/tar_exporter.h"
#include "fs/base/file.h"
#include "fs/base/program.h"

namespace granary {

namespace {
struct Channel {
  UniqueFd ours, theirs;
};

// A socket pair, because a reader that has gone is then an error and not a signal.
Result<Channel> make_channel() {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
    return system_error(errno, "cannot make a socket");
  return Channel{UniqueFd(ends[0]), UniqueFd(ends[1])};
}

Error explain(const Error& error) {
  if (error.code != Code::kNotFound) return error;
  return {Code::kNotFound, "squashfs is made by tar2sqfs, which is not installed: apt-get install squashfs-tools-ng"};
}
}  // namespace

Result<ExportReport> SquashfsExporter::write(const ExportRequest& request, const std::string& path) {
  Channel channel = TRY(make_channel());
  Program program;
  // The order of blocks does not depend on the number of jobs. --no-skip: what it does not understand is an error.
  program.words = {"tar2sqfs", "--quiet",      "--force", "--no-skip", "--compressor",
                   "zstd",     "--comp-extra", "level=9", path};
  program.environment = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C", "SOURCE_DATE_EPOCH=0"};
  program.input_descriptor = channel.theirs.get();
  program.output = Program::Stream::kDiscard;
  program.errors = Program::Stream::kCapture;

  std::optional<Result<ProgramEnd>> end;
  std::thread packer([&] {
    end.emplace(run_program_well(program));
    channel.theirs.reset();  // from now on nobody reads
  });
  Result<ExportReport> report = write_tar(request, TarCompression::kNone, channel.ours.get(), {"./", false});
  channel.ours.reset();
  packer.join();
  if (!*end) return explain(end->error());
  return report;
}

}  // namespace granary
