// `micro`: the few megabytes that start any snapshot: kernel and initramfs, on whatever medium a machine boots from.
#include <fcntl.h>

#include <cstdlib>
#include <filesystem>

#include "builder/archive/apt_archives.h"
#include "builder/micro/kernel_source.h"
#include "builder/micro/micro_image.h"
#include "fs/base/digest.h"
#include "fs/base/file.h"
#include "fs/base/program.h"
#include "fs/base/size.h"
#include "fs/format/trust_file.h"
#include "tools/commands.h"
#include "tools/format.h"
#include "tools/kernel_fetch.h"
#include "tools/subcommand.h"

namespace granary {

namespace {
struct Options {
  std::string kernel = "debian", kernel_suite = "bookworm", modules_folder;
  std::string modules;  // "", "more"
  std::vector<std::string> module_names;
  std::vector<std::string> repositories, trusts, settings, consoles;
  std::string branch;
  bool no_repository = false;
  std::string append, ca_file, cache, size;
  std::string format, output;
  bool force = false;
  bool json = false;
};

// ---- the request

// "NAME=FILE", or FILE alone: then the repository's own name is taken.
Result<std::pair<std::string, std::string>> trust_of(const std::string& said) {
  const size_t equals = said.find('=');
  if (equals != said.npos && said.find('/') > equals) return std::pair(said.substr(0, equals), said.substr(equals + 1));
  const TrustFile trust = TRY(TrustFile::load(said));
  std::string name = trust.name.empty() ? trust.repository : trust.name;
  for (char& c : name) {
    const bool plain =
        (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '-';
    if (!plain) c = '_';
  }
  return std::pair(name, said);
}

Result<std::pair<std::string, std::string>> setting_of(const std::string& said) {
  const size_t equals = said.find('=');
  if (equals == 0) return Error{Code::kInvalid, str("--set ", printable(said), ": say NAME=VALUE")};
  if (equals == said.npos) return std::pair(said, std::string("yes"));
  return std::pair(said.substr(0, equals), said.substr(equals + 1));
}

Result<UnixSeconds> build_time() {
  const char* const said = std::getenv("SOURCE_DATE_EPOCH");
  if (said == nullptr || *said == '\0') return Clock::system().now();
  char* end = nullptr;
  const UnixSeconds time = std::strtoll(said, &end, 10);
  if (*end != '\0' || time <= 0) return Error{Code::kInvalid, "SOURCE_DATE_EPOCH is no number of seconds"};
  return time;
}

Result<MicroKernel> kernel_of(const Options& options, Progress& progress, Io& io) {
  if (options.kernel == "tiny") return tiny_kernel();
  if (options.kernel != "debian") return kernel_file(options.kernel, options.modules_folder);
  const std::string cache = options.cache.empty() ? default_cook_cache() : options.cache;
  return fetch_debian_kernel(std::filesystem::absolute(cache).string(), options.kernel_suite, progress, io);
}

Result<MicroRequest> request_of(const Options& options) {
  MicroRequest request;
  request.version = GRANARY_VERSION;
  request.built_at = TRY(build_time());
  for (const std::string& said : options.trusts) request.trusts.push_back(TRY(trust_of(said)));
  std::string repositories;
  for (const std::string& url : options.repositories) repositories += (repositories.empty() ? "" : ",") + url;
  if (!repositories.empty()) request.settings.emplace_back("repository", repositories);
  if (!options.branch.empty()) request.settings.emplace_back("branch", options.branch);
  for (const std::string& said : options.settings) request.settings.push_back(TRY(setting_of(said)));
  request.consoles = options.consoles;
  request.command_line = options.append;
  request.ca_file = options.ca_file;
  request.modules.names = options.module_names;
  request.modules.more = options.modules == "more";
  if (!options.size.empty()) request.disk_bytes = TRY(parse_size(options.size));
  return request;
}

// The very program that will read them says whether the settings make sense.
Status check_settings(const MicroRequest& request, const std::string& parts, Io& io) {
  Program check;
  check.words = {parts + "/granary-init", "check-settings"};
  check.input = micro_config(request);
  check.output = Program::Stream::kCapture;
  check.errors = Program::Stream::kCapture;
  const ProgramEnd end = TRY_WITHIN("cannot check the settings", run_program(check));
  constexpr int kNotKnown = 2;  // a granary-init that knows no such word
  if (end.ok() || end.status == kNotKnown) return Done{};
  io.err << end.output;
  return Error{Code::kInvalid, "the settings are wrong (above): docs/booting.md lists them"};
}

// ---- what came of it

Result<std::vector<std::pair<std::string, std::string>>> digests_of(const std::string& path) {
  std::vector<std::pair<std::string, std::string>> digests;
  std::vector<std::string> files{path};
  if (std::filesystem::is_directory(path)) files = {path + "/vmlinuz", path + "/initrd", path + "/cmdline"};
  for (const std::string& file : files) {
    const UniqueFd open = TRY(open_file(file, O_RDONLY | O_CLOEXEC));
    Sha256 hash;
    for (off_t offset = 0;;) {
      const Bytes piece = TRY(read_at(open.get(), offset, 1 << 20));
      if (piece.empty()) break;
      hash.update(piece);
      offset += static_cast<off_t>(piece.size());
    }
    digests.emplace_back(file, hash.finish().hex());
  }
  return digests;
}

uint64_t bytes_of(const std::string& path) {
  std::error_code failure;
  if (!std::filesystem::is_directory(path)) return std::filesystem::file_size(path, failure);
  uint64_t bytes = 0;
  for (const auto& each : std::filesystem::directory_iterator(path, failure)) bytes += each.file_size(failure);
  return bytes;
}

Status tell(const Options& options, const MicroRequest& request, const Initramfs& initramfs, Io& io) {
  const auto digests = TRY(digests_of(options.output));
  const uint64_t kernel_bytes = bytes_of(request.kernel.image);
  if (options.json) {
    OrderedJson parts = OrderedJson::array();
    for (const MicroPart& part : initramfs.parts)
      parts.push_back({{"name", part.name}, {"raw_bytes", part.raw_bytes}, {"packed_bytes", part.packed_bytes}});
    OrderedJson sha256;
    for (const auto& [file, digest] : digests) sha256[file] = digest;
    print_json(io, {{"path", options.output},
                    {"format", options.format},
                    {"bytes", bytes_of(options.output)},
                    {"kernel", request.kernel.described},
                    {"kernel_version", request.kernel.version},
                    {"kernel_bytes", kernel_bytes},
                    {"initramfs_bytes", initramfs.packed.size()},
                    {"parts", parts},
                    {"command_line", kernel_command_line(request)},
                    {"built_at", format_utc(request.built_at)},
                    {"sha256", sha256}});
    return Done{};
  }
  const auto line = [&](const std::string& name, uint64_t packed, const std::string& raw) {
    std::string size = human_bytes(packed);
    size.insert(0, size.size() < 9 ? 9 - size.size() : 0, ' ');
    io.out << "  " << size << "  " << name << raw << "\n";
  };
  io.out << "made " << printable(options.output) << " (" << options.format << ", "
         << human_bytes(bytes_of(options.output)) << ")\n";
  line("kernel: " + request.kernel.described, kernel_bytes, "");
  line("initramfs, of which", initramfs.packed.size(), "");
  for (const MicroPart& part : initramfs.parts)
    line("  " + part.name, part.packed_bytes, str(" (", human_bytes(part.raw_bytes), " unpacked)"));
  line("kernel and initramfs", kernel_bytes + initramfs.packed.size(), "");
  io.out << "  said to the kernel: " << kernel_command_line(request) << "\n";
  for (const auto& [file, digest] : digests) io.out << digest << "  " << printable(file) << "\n";
  return Done{};
}

Status check_output(const Options& options) {
  const auto& formats = micro_formats();
  if (std::find(formats.begin(), formats.end(), options.format) == formats.end()) {
    std::string all;
    for (const std::string& format : formats) all += (all.empty() ? "" : ", ") + format;
    return Error{Code::kInvalid, str("there is no format ", printable(options.format), ": ", all)};
  }
  if (!options.modules.empty() && options.modules != "more")
    return Error{Code::kInvalid, "--modules takes the word more; name single ones with --module"};
  if (options.repositories.empty() && !options.no_repository)
    return Error{Code::kInvalid,
                 "name the repository with --repo, or say --no-repo: then the kernel command line or the machine's "
                 "context has to"};
  if (!options.force && exists(options.output))
    return Error{Code::kConflict,
                 printable(options.output) + " exists: name another file, or say --force to replace it"};
  return Done{};
}

Status run_build(const Options& options, Io& io) {
  TRY(check_output(options));
  MicroRequest request = TRY(request_of(options));
  TRY(check_request(request));
  const std::string parts = TRY(find_micro_parts());
  TRY(check_settings(request, parts, io));
  Progress progress(io);
  request.kernel = TRY(kernel_of(options, progress, io));
  progress.show("packing the initramfs");
  const Initramfs initramfs = TRY_WITHIN("cannot make the initramfs", make_initramfs(request, parts));
  progress.show("making " + options.format);
  TRY(write_micro_image(request, initramfs, options.format, options.output));
  progress.clear();
  return tell(options, request, initramfs, io);
}

Action define_build(CLI::App& app) {
  const auto options = std::make_shared<Options>();
  app.add_option("-r,--repo", options->repositories, "the URL of the repository; its mirrors after it, or again --repo")
      ->delimiter(',');
  app.add_flag("--no-repo", options->no_repository, "bake no repository in: the machine is told at boot");
  app.add_option("-t,--trust", options->trusts,
                 "[NAME=]FILE: a trust file; the machine believes these alone, and the first unless told otherwise");
  app.add_option("-b,--branch", options->branch, "the branch that is booted (default: main)");
  app.add_option("-k,--kernel", options->kernel,
                 "debian (fetched from this host's apt sources), tiny (tools/dev kernel), or a bzImage's file")
      ->default_val("debian");
  app.add_option("--kernel-suite", options->kernel_suite, "the Debian suite whose kernel is taken")
      ->default_val("bookworm");
  app.add_option("--modules-dir", options->modules_folder, "/lib/modules/VERSION of the kernel's file");
  app.add_option("--module", options->module_names, "pack this module, too, and load it at each boot");
  app.add_option("--modules", options->modules,
                 "more: also pack packet filters, containers' networks, USB, drivers of physical machines");
  app.add_option("--set", options->settings, "NAME=VALUE: any setting of the image (docs/booting.md)");
  app.add_option("--append", options->append, "more for the kernel command line");
  app.add_option("--console", options->consoles,
                 "a console, the last is what programs talk to (default: tty0, then ttyS0,115200)");
  app.add_option("--ca", options->ca_file, "certificates of authorities for HTTPS, PEM (default: this host's)");
  std::string formats;
  for (const std::string& format : micro_formats()) formats += (formats.empty() ? "" : ", ") + format;
  app.add_option("-f,--format", options->format, formats)->required();
  app.add_option("--size", options->size, "of a disk, such as 20G: what is behind the image becomes scratch space");
  app.add_option("-o,--output", options->output, "the file to write; of kernel+initrd a folder")->required();
  app.add_option("--cache", options->cache, "where the kernel's package is kept, instead of this machine's place");
  app.add_flag("--force", options->force, "replace the file if it exists");
  app.add_flag("--json", options->json, "print JSON");
  return [options](Io& io) { return run_build(*options, io); };
}

const Subcommand kSubcommands[] = {
    {"build", "make a micro image: kernel and initramfs on a medium", define_build},
};

Action define(CLI::App& app) { return define_subcommands(app, kSubcommands); }
}  // namespace

const Command kMicroCommand{
    "micro", "make the image that boots machines from a repository",
    "A micro image is a kernel and an initramfs of a few megabytes that mounts a snapshot over the network and hands "
    "the machine to the OS in it: one image starts every snapshot of a repository. Repository, trust and branch are "
    "baked in; kernel parameters (granary.NAME=VALUE) and the machine's context may say otherwise, but never add a "
    "trust. No root and no loop device is needed, and the same request gives the same bytes when SOURCE_DATE_EPOCH "
    "says the time. docs/booting.md tells how to go on, and which hypervisor takes which format.",
    "granary micro build --repo http://repo.example.org/sw --trust sw.trust --format iso -o sw.iso\n"
    "granary micro build --repo http://repo.example.org/sw --trust sw.trust --format qcow2 --size 20G -o sw.qcow2\n"
    "granary micro build --kernel tiny --repo http://repo.example.org/sw --trust sw.trust --set persistent=no --format "
    "kernel+initrd -o sw",
    define};

}  // namespace granary
