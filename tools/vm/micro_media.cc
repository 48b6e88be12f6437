#include "tools/vm/micro_media.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include "builder/archive/apt_archives.h"
#include "builder/micro/kernel_source.h"
#include "builder/micro/micro_image.h"
#include "fs/base/digest.h"
#include "fs/base/file.h"
#include "tools/format.h"
#include "tools/kernel_fetch.h"

namespace granary {

Result<MicroMedia> micro_media_in(const std::string& folder) {
  MicroMedia out{folder + "/vmlinuz", folder + "/initrd", ""};
  for (const std::string& file : {out.kernel, out.initrd})
    if (!exists(file))
      return Error{Code::kInvalid,
                   str(printable(file), " is missing: granary micro build --format kernel+initrd makes such a folder")};
  if (!exists(folder + "/cmdline")) return out;
  out.command_line = TRY(read_file(folder + "/cmdline", 16 << 10));
  while (!out.command_line.empty() && out.command_line.back() == '\n') out.command_line.pop_back();
  return out;
}

namespace {
constexpr UnixSeconds kAskAgainAfter = 24 * 3600;  // whether Debian has a newer kernel
constexpr size_t kMostKept = 8;
constexpr size_t kMaxPartBytes = size_t{64} << 20;
constexpr const char* kTrustName = "boot";

// The one that was taken last, for a day.
Result<MicroKernel> debian_kernel_of_today(const std::string& cache_folder, Io& io) {
  const std::string kept = cache_folder + "/debian-kernel.json";
  const UnixSeconds now = Clock::system().now();
  const auto text = read_file(kept, 64 << 10);
  const OrderedJson before = text ? OrderedJson::parse(*text, nullptr, false) : OrderedJson();
  if (before.is_object()) {
    MicroKernel kernel{before.value("image", ""), before.value("modules", ""), before.value("version", ""),
                       before.value("described", "")};
    const UnixSeconds age = now - before.value("taken_at", UnixSeconds{0});
    if (age >= 0 && age < kAskAgainAfter && exists(kernel.image) && exists(kernel.modules)) return kernel;
  }
  Progress progress(io);
  const MicroKernel kernel = TRY(fetch_debian_kernel(default_cook_cache(), {}, progress, io));
  const OrderedJson taken{{"image", kernel.image},
                          {"modules", kernel.modules},
                          {"version", kernel.version},
                          {"described", kernel.described},
                          {"taken_at", now}};
  TRY(replace_file(kept, taken.dump(2) + "\n", 0644, Durability::kFast));
  return kernel;
}

// Of everything that goes into it, but the time.
Result<std::string> digest_of(const MicroRequest& request, const std::string& parts) {
  Sha256 hash;
  hash.update(str(request.version, "\n", request.kernel.version, "\n", micro_config(request)));
  std::vector<std::string> files{request.kernel.image, request.trusts.front().second,
                                 "/etc/ssl/certs/ca-certificates.crt"};
  for (const char* part : {"granary-init", "granary-mount", "busybox", "e2fs"}) files.push_back(parts + "/" + part);
  for (const std::string& file : files) {
    const auto bytes = read_file(file, kMaxPartBytes);
    hash.update(str(file, bytes ? bytes->size() : 0, "\n"));
    if (bytes) hash.update(*bytes);
  }
  return hash.finish().hex();
}

// Keeps those that were used last.
void forget_old(const std::string& folder) {
  std::vector<std::filesystem::directory_entry> kept;
  std::error_code failure;
  for (const auto& entry : std::filesystem::directory_iterator(folder, failure)) kept.push_back(entry);
  if (kept.size() <= kMostKept) return;
  const auto used = [&](const auto& entry) { return std::filesystem::last_write_time(entry.path(), failure); };
  std::sort(kept.begin(), kept.end(), [&](const auto& a, const auto& b) { return used(a) > used(b); });
  for (size_t number = kMostKept; number < kept.size(); ++number)
    static_cast<void>(remove_tree(kept[number].path().string()));
}
}  // namespace

Result<MicroMedia> micro_media(const std::string& kernel, const std::string& trust, const std::string& cache_folder,
                               Io& io) {
  TRY(make_directories(cache_folder + "/media"));
  MicroRequest request;
  request.version = GRANARY_VERSION;
  request.trusts = {{kTrustName, trust}};
  request.settings = {{"trust", kTrustName}};
  request.built_at = Clock::system().now();
  TRY(check_request(request));
  const std::string parts = TRY(find_micro_parts());
  if (kernel == "tiny") {
    request.kernel = TRY(tiny_kernel());
  } else if (kernel == "debian") {
    request.kernel = TRY(debian_kernel_of_today(cache_folder, io));
  } else {
    request.kernel = TRY(kernel_file(kernel, ""));
  }
  const std::string folder = str(cache_folder, "/media/", TRY(digest_of(request, parts)));
  if (exists(folder + "/initrd")) {
    ::utimensat(AT_FDCWD, folder.c_str(), nullptr, 0);
    return micro_media_in(folder);
  }
  Progress progress(io);
  progress.show("building the micro image");
  const Initramfs initramfs = TRY_WITHIN("cannot make the initramfs", make_initramfs(request, parts));
  TRY(write_micro_image(request, initramfs, "kernel+initrd", folder));
  forget_old(cache_folder + "/media");
  return micro_media_in(folder);
}

std::string boot_cache_folder() {
  const char* cache = std::getenv("XDG_CACHE_HOME");
  if (cache != nullptr && *cache == '/') return str(cache, "/granary/boot");
  const char* home = std::getenv("HOME");
  return str(home != nullptr ? home : "/root", "/.cache/granary/boot");
}

}  // namespace granary
