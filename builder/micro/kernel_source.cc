#include "builder/micro/kernel_source.h"

#include <fcntl.h>

#include <algorithm>
#include <cctype>
#include <cstring>
#include <filesystem>

#include "builder/closure/clasp.h"
#include "builder/closure/resolve.h"
#include "builder/debian/control.h"
#include "builder/debian/deb_file.h"
#include "builder/micro/micro_parts.h"
#include "fs/base/file.h"

namespace granary {

namespace {
constexpr const char* kImagePackage = "linux-image-amd64";  // depends on the newest
constexpr size_t kMaxNoteBytes = 4096;

// Keeps of a package what booting needs: boot/vmlinuz-VERSION, and lib/modules.
class KernelReceiver : public DebReceiver {
 public:
  explicit KernelReceiver(std::string folder) : folder_(std::move(folder)) {}

  Status entry(const DebEntry& entry) override {
    file_.reset();
    const std::string_view path = std::string_view(entry.path).starts_with("usr/")
                                      ? std::string_view(entry.path).substr(4)
                                      : std::string_view(entry.path);
    if (entry.type != DebEntry::Type::kFile) return Done{};
    if (!path.starts_with("lib/modules/") && !path.starts_with("boot/vmlinuz-")) return Done{};
    const std::string target = str(folder_, "/", path);
    TRY(make_directories(std::filesystem::path(target).parent_path().string()));
    file_ = TRY(open_file(target, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644));
    return Done{};
  }

  Status content(ByteView bytes) override {
    if (!file_.valid()) return Done{};
    return write_all(file_.get(), bytes);
  }

 private:
  const std::string folder_;
  UniqueFd file_;
};

Result<MicroKernel> kernel_in(const std::string& folder) {
  std::error_code failure;
  for (const auto& each : std::filesystem::directory_iterator(folder + "/boot", failure)) {
    MicroKernel kernel = TRY(kernel_file(each.path().string(), {}));
    kernel.modules = folder + "/lib/modules/" + kernel.version;
    if (exists(kernel.modules)) return kernel;
  }
  return Error{Code::kCorrupt, str(printable(folder), " holds no kernel with its modules")};
}

Result<uint32_t> image_package(const Lock& lock) {
  for (uint32_t number = 0; number < lock.packages.size(); ++number) {
    const std::string& name = lock.packages[number].name;
    if (name.starts_with("linux-image-") && name != kImagePackage) return number;
  }
  return Error{Code::kNotFound, str(kImagePackage, " asks for no kernel: cannot tell which one is meant")};
}

Result<MicroKernel> unpacked(const std::string& deb, const std::string& folder) {
  if (auto there = kernel_in(folder)) return there;
  TRY(remove_tree(folder));
  const std::string parent = std::filesystem::path(folder).parent_path().string();
  TRY(make_directories(parent));
  const TemporaryDirectory scratch = TRY(TemporaryDirectory::make(parent));
  const std::string fresh = scratch.path() + "/kernel";
  const DebFile package = TRY(DebFile::open(deb));
  KernelReceiver receiver(fresh);
  TRY(package.data(receiver));
  TRY(kernel_in(fresh));
  std::error_code failure;
  std::filesystem::rename(fresh, folder, failure);  // somebody else may have been faster: theirs is as good
  return kernel_in(folder);
}

// Which kernel was taken last, for when no archive answers: folder and description, a line each.
struct LastKernel {
  explicit LastKernel(const KernelFetch& fetch) : path_(str(fetch.cache, "/kernels/", fetch.suite, ".last")) {}

  void keep(const std::string& folder, const std::string& described) const {
    static_cast<void>(replace_file(path_, str(folder, "\n", described, "\n"), 0644, Durability::kFast));
  }
  Result<MicroKernel> kernel() const {
    const Bytes text = TRY(read_file(path_, kMaxNoteBytes));
    const size_t end = text.find('\n');
    if (end == text.npos) return Error{Code::kCorrupt, printable(path_) + " is damaged"};
    MicroKernel kernel = TRY(kernel_in(text.substr(0, end)));
    kernel.described = text.substr(end + 1, text.size() - end - 2);
    return kernel;
  }

 private:
  const std::string path_;
};
}  // namespace

Result<std::string> kernel_version(ByteView image) {
  constexpr size_t kMagic = 0x202, kVersionPointer = 0x20E, kSetup = 0x200;
  const Error none{Code::kInvalid, "it is no kernel image (bzImage) for x86"};
  if (image.size() < 0x1000 || image.substr(kMagic, 4) != "HdrS") return none;
  const size_t at =
      kSetup + static_cast<uint8_t>(image[kVersionPointer]) + 256U * static_cast<uint8_t>(image[kVersionPointer + 1]);
  if (at >= image.size()) return none;
  std::string_view text = image.substr(at, 256);
  text = text.substr(0, std::min(text.find(' '), text.find('\0')));
  const bool is_name =
      !text.empty() && text.front() != '.' && std::all_of(text.begin(), text.end(), [](unsigned char c) {
        return std::isalnum(c) != 0 || std::strchr("._+-~", c) != nullptr;
      });
  if (!is_name) return none;
  return std::string(text);
}

Result<MicroKernel> kernel_file(const std::string& image, const std::string& modules) {
  const Bytes bytes = TRY_WITHIN("cannot read the kernel", read_file(image, kMaxKernelBytes));
  const std::string version = TRY_WITHIN(printable(image), kernel_version(bytes));
  MicroKernel kernel{image, modules, version, {}};
  kernel.described = str("Linux ", kernel.version);
  if (!modules.empty() && !exists(modules))
    return Error{Code::kNotFound, str("the folder of the kernel's modules, ", printable(modules), ", does not exist")};
  const std::string usual = "/lib/modules/" + kernel.version;
  if (modules.empty() && image.starts_with("/boot/") && exists(usual)) kernel.modules = usual;
  return kernel;
}

Result<MicroKernel> tiny_kernel() {
  std::string asked;
  for (const std::string& folder : micro_folders()) {
    for (const std::string& image : {folder + "/vmlinuz", folder + "/../kernel/vmlinuz"}) {
      if (!exists(image)) continue;
      MicroKernel kernel = TRY(kernel_file(std::filesystem::path(image).lexically_normal().string(), {}));
      const auto described =
          read_file(std::filesystem::path(kernel.image).replace_filename("described"), kMaxNoteBytes);
      kernel.described = str("the tiny kernel, ", described ? trimmed(*described) : "Linux " + kernel.version);
      return kernel;
    }
    asked += (asked.empty() ? "" : ", ") + folder;
  }
  return Error{Code::kNotFound, str("there is no tiny kernel (looked in ", printable(asked),
                                    "): `tools/dev kernel` makes one in ten minutes or more; --kernel debian needs no "
                                    "compiling")};
}

Result<MicroKernel> debian_kernel(PackageSource& source, const KernelFetch& fetch, std::vector<std::string>& notes) {
  const LastKernel last(fetch);
  Recipe recipe;
  recipe.name = "kernel";
  recipe.suite = fetch.suite;
  recipe.architecture = "amd64";
  recipe.wishes.push_back({recipe.name, {kImagePackage}, {}});
  Clasp clasp;
  ResolveOptions options;
  options.cache = fetch.cache;
  options.now = fetch.now;
  options.on_step = fetch.on_step;
  const auto resolved = resolve(recipe, source, clasp, options);
  if (!resolved && resolved.error().code == Code::kUnavailable) {
    auto kernel = last.kernel();
    if (!kernel) return resolved.error().within("cannot find out Debian's newest kernel");
    notes.push_back(str(resolved.error().message, ": taking ", kernel->described, ", as the last time"));
    return kernel;
  }
  if (!resolved) return resolved.error().within("cannot find out Debian's newest kernel");

  const uint32_t number = TRY(image_package(resolved->lock));
  const LockedPackage& package = resolved->lock.packages[number];
  fetch.on_step("fetching " + package.name);
  const auto debs = TRY(source.packages(resolved->lock, std::span(&number, 1), fetch.on_fetch));
  fetch.on_step("unpacking " + package.name);
  const std::string folder = str(fetch.cache, "/kernels/", package.name, "-", package.digest.brief());
  MicroKernel kernel = TRY(unpacked(debs.front(), folder));
  kernel.described = str("Debian ", package.version, " (", kernel.version, ")");
  last.keep(folder, kernel.described);
  return kernel;
}

}  // namespace granary
