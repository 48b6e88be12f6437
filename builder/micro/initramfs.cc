// The first root file system: the parts, the modules, and what was said to the image, laid out as initramfs/paths.h
// tells. Programs come first and small texts last, each group in a fixed order.
#include <elf.h>

#include <filesystem>
#include <map>

#include "builder/micro/certificates.h"
#include "builder/micro/cpio.h"
#include "builder/micro/micro_image.h"
#include "builder/micro/xz.h"
#include "fs/base/file.h"
#include "fs/base/program.h"
#include "fs/format/trust_file.h"

namespace granary {

namespace {
constexpr size_t kMaxProgramBytes = 256 << 20;

struct Link {
  const char* path;
  const char* target;
};
constexpr Link kLinks[] = {
    {"bin/sh", "busybox"},          {"init", "bin/granary-init"},      {"sbin/e2fsck", "../bin/e2fs"},
    {"sbin/mke2fs", "../bin/e2fs"}, {"sbin/resize2fs", "../bin/e2fs"},
};

constexpr const char* kFolders[] = {
    "bin", "dev",  "etc", "etc/granary", "etc/granary/trust", "etc/ssl", "etc/ssl/certs", "newroot", "proc",
    "run", "sbin", "sys", "tmp",
};

// The archive as it grows, and where each part of it ends.
class Layout {
 public:
  explicit Layout(UnixSeconds time) : cpio_(time) {}
  CpioWriter& cpio() { return cpio_; }

  void end_part(const std::string& name) {
    parts_.push_back({name, cpio_.size_bytes() - end_, 0});
    end_ = cpio_.size_bytes();
  }

  Result<Initramfs> pack() {
    const Bytes archive = cpio_.finish();
    parts_.back().raw_bytes += archive.size() - end_;
    XzPacker packer = TRY(XzPacker::begin(archive.size()));
    TRY(packer.add(archive));
    Initramfs initramfs{TRY(packer.finish()), {}};
    TRY(share(archive, initramfs.packed.size()));
    initramfs.parts = std::move(parts_);
    return initramfs;
  }

 private:
  // Parts are packed together and help each other; each is told its share of the whole, by what it would take alone.
  Status share(ByteView archive, uint64_t packed_bytes) {
    uint64_t together = 0;
    for (MicroPart& part : parts_) {
      XzPacker alone = TRY(XzPacker::begin(part.raw_bytes, XzPacker::Effort::kQuick));
      TRY(alone.add(archive.substr(0, part.raw_bytes)));
      archive.remove_prefix(part.raw_bytes);
      part.packed_bytes = TRY(alone.finish()).size();
      together += part.packed_bytes;
    }
    for (MicroPart& part : parts_) part.packed_bytes = part.packed_bytes * packed_bytes / together;
    return Done{};
  }

  CpioWriter cpio_;
  uint64_t end_ = 0;
  std::vector<MicroPart> parts_;
};

Status add_programs(const std::string& folder, Layout& layout) {
  for (const char* name : {"granary-init", "granary-mount", "busybox", "e2fs"}) {
    const Bytes program =
        TRY_WITHIN("cannot read a part of the image", read_file(str(folder, "/", name), kMaxProgramBytes));
    if (!program.starts_with(ByteView(ELFMAG, SELFMAG)))
      return Error{Code::kCorrupt, str(printable(folder), "/", name, " is no program for Linux")};
    layout.cpio().file(str("bin/", name), program, 0755);
    layout.end_part(name);
  }
  return Done{};
}

// What the OS's own modprobe needs to find what lies there, in the binary form that it reads.
constexpr const char* kIndices[] = {
    "modules.alias.bin", "modules.builtin.alias.bin", "modules.builtin.bin", "modules.builtin.modinfo", "modules.dep",
    "modules.dep.bin",   "modules.devname",           "modules.softdep",     "modules.symbols.bin"};

Result<std::map<std::string, Bytes>> index(const MicroKernel& kernel, const ModuleSet& modules) {
  const TemporaryDirectory scratch = TRY(TemporaryDirectory::make());
  const std::string folder = str(scratch.path(), "/lib/modules/", kernel.version);
  TRY(make_directories(folder));
  std::string order;
  for (const PackedModule& module : modules) {
    TRY(replace_file(folder + "/" + module.file, module.content, 0644, Durability::kFast));
    order += module.file + "\n";
  }
  TRY(replace_file(folder + "/modules.order", order, 0644, Durability::kFast));
  for (const char* name : {"modules.builtin", "modules.builtin.modinfo"}) {
    const auto text = read_file(kernel.modules + "/" + name, kMaxProgramBytes);
    TRY(replace_file(folder + "/" + name, text ? ByteView(*text) : ByteView(), 0644, Durability::kFast));
  }
  Program depmod;
  depmod.words = {"/sbin/depmod", "-b", scratch.path(), kernel.version};
  depmod.output = Program::Stream::kDiscard;
  depmod.errors = Program::Stream::kCapture;
  const auto end = run_program_well(depmod);
  if (!end && end.error().code == Code::kNotFound)
    return Error{Code::kNotFound, "the modules are indexed by depmod, which is not installed: apt-get install kmod"};
  if (!end) return end.error();
  std::map<std::string, Bytes> files;
  for (const char* name : kIndices) {
    const std::string path = folder + "/" + name;
    if (exists(path)) files.emplace(name, TRY(read_file(path, kMaxProgramBytes)));
  }
  return files;
}

Status add_modules(const MicroRequest& request, Layout& layout) {
  if (request.kernel.modules.empty()) return Done{};
  const ModuleSet modules = TRY(choose_modules(request.kernel.modules, request.modules));
  const std::string folder = "lib/modules/" + request.kernel.version;
  CpioWriter& cpio = layout.cpio();
  for (const std::string& each : {std::string("lib"), std::string("lib/modules"), folder}) cpio.directory(each);
  for (const PackedModule& module : modules) cpio.file(folder + "/" + module.file, module.content, 0644);
  cpio.file(folder + "/granary.order", order_text(modules), 0644);
  cpio.file(folder + "/granary.modules", modules_text(modules), 0644);
  for (const auto& [name, content] : TRY(index(request.kernel, modules))) cpio.file(folder + "/" + name, content, 0644);
  layout.end_part(str("modules (", modules.size(), ")"));
  return Done{};
}

Status add_texts(const MicroRequest& request, Layout& layout) {
  CpioWriter& cpio = layout.cpio();
  cpio.file("etc/ssl/certs/ca-certificates.crt", TRY(certificates(request)), 0644);
  layout.end_part("certificates");
  cpio.file("etc/granary/micro.conf", micro_config(request), 0644);
  cpio.file("etc/granary/version", str(request.version, "\n", format_utc(request.built_at), "\n"), 0644);
  for (const auto& [name, path] : request.trusts)
    cpio.file(str("etc/granary/trust/", name, ".trust"), TRY(read_file(path, kMaxTrustFileBytes)), 0644);
  layout.end_part("settings and trust");
  return Done{};
}
}  // namespace

Result<Initramfs> make_initramfs(const MicroRequest& request, const std::string& parts_folder) {
  TRY(check_request(request));
  Layout layout(request.built_at);
  for (const char* folder : kFolders) layout.cpio().directory(folder, std::string_view(folder) == "tmp" ? 01777 : 0755);
  layout.cpio().character_device("dev/console", 0600, 5, 1);  // else the kernel starts init without any descriptor
  layout.cpio().character_device("dev/null", 0666, 1, 3);
  for (const Link& link : kLinks) layout.cpio().symlink(link.path, link.target);
  TRY(add_programs(parts_folder, layout));
  TRY(add_modules(request, layout));
  TRY(add_texts(request, layout));
  return layout.pack();
}

}  // namespace granary
