#include "server/overlay_mount.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include <filesystem>

#include "fs/base/file.h"
#include "fs/base/program.h"
#include "server/ingest.h"
#include "server/object_pipeline.h"
#include "server/overlay_source.h"

namespace granary {

namespace {
// Its standard error is ours; it ends with one of our codes when it is one of our programs.
Status run_mount_program(std::vector<std::string> words) {
  const std::string name = words[0];
  Program program;
  program.words = std::move(words);
  const ProgramEnd end = TRY(run_program(program));
  if (end.ok()) return Done{};
  return Error{end.status < 128 ? static_cast<Code>(end.status) : Code::kInternal, name + " failed"};
}

Status dress(const std::string& directory, const Node& node) {
  const std::string what = "cannot prepare " + printable(directory);
  if (::chown(directory.c_str(), node.uid, node.gid) != 0 || ::chmod(directory.c_str(), node.mode) != 0)
    return system_error(errno, what);
  for (const Xattr& xattr : node.xattrs) {
    if (::lsetxattr(directory.c_str(), xattr.name.c_str(), xattr.value.data(), xattr.value.size(), 0) != 0)
      return system_error(errno, what);
  }
  const timespec times[2] = {{0, UTIME_OMIT}, {node.mtime, static_cast<long>(node.mtime_ns)}};
  if (::utimensat(AT_FDCWD, directory.c_str(), times, 0) != 0) return system_error(errno, what);
  return Done{};
}
}  // namespace

Status mount_snapshot(const Repository& repository, const SnapshotId& snapshot, const std::string& mountpoint,
                      const std::string& mount_program) {
  const std::string url = "file://" + std::filesystem::canonical(repository.directory()).string();
  return run_mount_program({mount_program, url, mountpoint, "--snapshot", snapshot.hex(), "--trust",
                            repository.private_path("trust.json"), "--cache", repository.private_path("cache"),
                            "--state", repository.private_path("state"), "-o", "allow_other,suid,dev"});
}

// The layers are named relative to their directory, so that no path needs quoting for the kernel.
Status mount_overlay(const OverlayPlace& place) {
  const UniqueFd here = TRY(open_file(".", O_RDONLY | O_DIRECTORY));
  if (::chdir(place.directory.c_str()) != 0) return system_error(errno, "cannot enter " + printable(place.directory));
  std::string options = "lowerdir=";
  for (const std::string& lower : place.lowers) options += (&lower == &place.lowers.front() ? "" : ":") + lower;
  // redirect_dir, metacopy: the upper layer is free of riddles.
  options += ",upperdir=upper,workdir=work,redirect_dir=off,metacopy=off";
  options += place.keeps_links ? ",index=on" : ",index=off";
  if (!place.is_lasting) options += ",volatile";  // no fsync reaches the disk
  const int failed = ::mount("granary", place.mountpoint.c_str(), "overlay", 0, options.c_str()) == 0 ? 0 : errno;
  if (::fchdir(here.get()) != 0) return system_error(errno, "cannot return to the working directory");
  if (failed != 0) return system_error(failed, "cannot mount the overlay on " + printable(place.mountpoint));
  return Done{};
}

Status lay_overlay(const std::string& directory, Catalog& lower) {
  for (const char* part : {"/lower", "/upper", "/work"}) TRY(make_directories(directory + part, 0700));
  return dress(directory + "/upper", TRY(lower.root()).node);
}

bool is_mounted(const std::string& path) {
  struct stat here {
  }, above{};
  if (::lstat(path.c_str(), &here) != 0) return errno != ENOENT;  // a dead mount answers with an error
  return ::lstat((path + "/..").c_str(), &above) == 0 && here.st_dev != above.st_dev;
}

Status unmount(const std::string& path) {
  if (!is_mounted(path) || ::umount2(path.c_str(), UMOUNT_NOFOLLOW) == 0 || errno == EINVAL) return Done{};
  if (errno == EBUSY)
    return Error{Code::kBusy,
                 str(printable(path), " is in use: leave the directory, stop what works there (`fuser -vm ",
                     printable(path), "`), and try again")};
  return system_error(errno, "cannot unmount " + printable(path));
}

Result<Published> publish_overlay(Repository& repository, const PublishOptions& options, const std::string& upper,
                                  const Statement& base) {
  const unsigned jobs = options.jobs != 0 ? options.jobs : 2;
  const auto staging = TRY(Staging::begin(repository.directory()));
  ObjectPipeline writer(*staging, options.encoding, jobs);
  const auto catalog = TRY(Catalog::open(base.catalog, writer));
  const auto index = TRY(ContentIndex::open(repository.private_path("index"), *staging, staging->scratch()));
  TRY(index->prepare(*catalog));
  const auto source = TRY(OverlaySource::open(upper, repository.directory()));
  const Ingested ingested = TRY(ingest(*source, writer, index.get(), nullptr, catalog.get(), {jobs, {}, {}}));
  TRY(staging->commit());
  const StoredContents stored{staging.get(), index.get(), writer.counters().new_plain_bytes};
  Published published = TRY(publish_changes(repository, options, ingested.changes, base, stored));
  published.files_read = ingested.counters.files_read;
  published.new_objects += writer.counters().new_objects;
  published.new_bytes += writer.counters().new_bytes;
  return published;
}

}  // namespace granary
