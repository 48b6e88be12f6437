// `boot`: starts a virtual machine from the micro image, whose system is any snapshot.
#include <filesystem>
#include <set>

#include "fs/base/file.h"
#include "fs/base/size.h"
#include "fs/base/time.h"
#include "tools/boot_actions.h"
#include "tools/commands.h"
#include "tools/format.h"
#include "tools/vm/run_machine.h"

namespace granary {

namespace {
struct Options {
  MachineRequest request;
  std::string memory = "1G";
  std::string disk;
  std::string timeout = "10m";
  std::vector<std::string> settings;
  std::string console_file;
  std::string machine;             // --vm
  std::string action;              // what to do with it
  std::vector<std::string> words;  // of ssh
  std::string user = "root";
  bool until_complete = false;
  bool libvirt = false;
  bool quiet = false;
  bool json = false;
};

std::string absolute(const std::string& path) { return path.empty() ? "" : std::filesystem::absolute(path).string(); }

Status must_exist(const char* option, const std::string& path) {
  if (path.empty() || exists(path)) return Done{};
  return Error{Code::kNotFound, str(option, " ", printable(path), ": there is no such file")};
}

// FILE or FILE:SIZE.
Status take_disk(const std::string& text, MachineRequest& request) {
  if (text.empty() || text == "none") {
    request.disk = text;
    return Done{};
  }
  const size_t colon = text.rfind(':');
  const auto size =
      parse_size(colon == std::string::npos ? std::string_view() : std::string_view(text).substr(colon + 1));
  request.disk = absolute(size ? text.substr(0, colon) : text);
  if (size) request.disk_bytes = *size;
  if (!exists(request.disk) && !size)
    return Error{Code::kNotFound, str("--disk ", printable(text), ": there is no such file; FILE:SIZE makes one")};
  return Done{};
}

Status take_settings(const std::vector<std::string>& texts, MachineRequest& request) {
  for (const std::string& text : texts) {
    const size_t equals = text.find('=');
    if (equals == 0 || text.find_first_of("\"\n") != std::string::npos)
      return Error{Code::kInvalid,
                   str("--set ", printable(text), ": write NAME=VALUE; docs/booting.md lists the names")};
    request.settings.emplace_back(text.substr(0, equals), equals == std::string::npos ? "" : text.substr(equals + 1));
  }
  return Done{};
}

Status check_combination(const MachineRequest& request) {
  if (!request.initrd.empty() && request.kernel.empty())
    return Error{Code::kInvalid, "--initrd goes with --kernel FILE"};
  if (!request.image.empty() && !request.kernel.empty())
    return Error{Code::kInvalid, "--image brings its kernel along: --kernel does not go with it"};
  const bool builds = request.image.empty() && request.initrd.empty();
  if (!builds && !request.trust.empty())
    return Error{Code::kInvalid, "--trust goes into an image that is built: this one has its own"};
  if (builds && request.repository.empty())
    return Error{Code::kInvalid, "expected --repo URL or DIR, or an --image that has one built in"};
  return Done{};
}

Result<MachineRequest> request_of(const Options& options) {
  MachineRequest request = options.request;
  request.memory_bytes = TRY(parse_size(options.memory));
  if (request.memory_bytes < (64 << 20)) return Error{Code::kInvalid, "--memory: no system starts in less than 64M"};
  TRY(take_disk(options.disk, request));
  TRY(take_settings(options.settings, request));
  for (std::string* path : {&request.trust, &request.context, &request.ssh_key, &request.initrd, &request.image})
    *path = absolute(*path);
  if (request.repository_is_directory()) request.repository = absolute(request.repository);
  static const std::set<std::string> kNamed{"", "debian", "tiny"};
  if (!kNamed.contains(request.kernel)) {
    request.kernel = absolute(request.kernel);
    TRY(must_exist("--kernel", request.kernel));
  }
  TRY(must_exist("--trust", request.trust));
  TRY(must_exist("--context", request.context));
  TRY(must_exist("--ssh-key", request.ssh_key));
  TRY(must_exist("--initrd", request.initrd));
  TRY(must_exist("--image", request.image));
  TRY(check_combination(request));
  return request;
}

Result<UntilComplete> how_long(const Options& options) {
  UntilComplete how;
  how.timeout = std::chrono::seconds(TRY(parse_duration_seconds(options.timeout)));
  how.console_file = options.console_file;
  how.quiet = options.quiet || options.json;
  return how;
}

Status boot_until_complete(const Options& options, const MachineRequest& request, Io& io) {
  const UntilComplete how = TRY(how_long(options));
  const Booted booted = TRY_WITHIN("cannot boot", run_until_complete(request, how, io));
  tell_booted(booted, request, options.json, io);
  return Done{};
}

// Whether it was said what machine it is.
bool describes_a_machine(const MachineRequest& request) {
  return !request.repository.empty() || !request.image.empty() || !request.kernel.empty();
}

Result<KeptMachine> machine_of(const Options& options) {
  if (!describes_a_machine(options.request)) return KeptMachine::open(options.machine);
  MachineRequest request = TRY(request_of(options));
  request.name = options.machine;
  if (!request.ssh_port) request.ssh_port = 0;
  return KeptMachine::create(request);
}

Status start_kept(const Options& options, Io& io) {
  const KeptMachine machine = TRY(machine_of(options));
  if (options.libvirt) return print_for_libvirt(machine, io);
  TRY_WITHIN("cannot start " + options.machine, machine.start(io));
  if (options.until_complete) {
    const UntilComplete how = TRY(how_long(options));
    const Booted booted = TRY_WITHIN("cannot boot " + options.machine, machine.await_complete(how, io));
    tell_booted(booted, machine.request(), options.json, io);
    return Done{};
  }
  return tell_started(machine, options.json, io);
}

Status act_on_kept(const Options& options, Io& io) {
  ActionOptions how;
  how.machine = options.machine;
  how.action = options.action;
  how.words = options.words;
  how.user = options.user;
  how.json = options.json;
  if (how.action != "ssh" && !how.words.empty())
    return Error{Code::kInvalid, str(printable(how.words[0]), ": only ssh takes more words")};
  if (how.action != "list" && how.machine.empty())
    return Error{Code::kInvalid, str(how.action, ": which machine? Say --vm NAME")};
  return act(how, io);
}

Status run(const Options& options, Io& io) {
  if (!options.action.empty()) return act_on_kept(options, io);
  if (!options.machine.empty()) return start_kept(options, io);
  if (options.libvirt) return Error{Code::kInvalid, "--libvirt goes with --vm NAME, which keeps the machine's files"};
  const MachineRequest request = TRY(request_of(options));
  if (options.until_complete) return boot_until_complete(options, request, io);
  return run_at_terminal(request, io);
}

void define_what(CLI::App& app, Options& options) {
  MachineRequest& request = options.request;
  app.add_option("-r,--repo", request.repository, "the repository: a URL, or a directory, which is served meanwhile")
      ->type_name("URL|DIR");
  app.add_option("--trust", request.trust,
                 "the trust file that goes into the micro image (default: that of the directory)")
      ->type_name("FILE");
  app.add_option("--branch", request.branch, "whose newest snapshot is booted (default: main)");
  app.add_option("--tag", request.tag, "the snapshot of this name");
  app.add_option("--snapshot", request.snapshot, "the snapshot of this id");
  app.add_option("--kernel", request.kernel, "debian (default), tiny, or a bzImage")->type_name("debian|tiny|FILE");
  app.add_option("--initrd", request.initrd, "with a bzImage: take this as it is, build no micro image")
      ->type_name("FILE");
  app.add_option("--image", request.image, "what `granary micro build` made: an iso, a disk, a folder")
      ->type_name("FILE");
  app.add_flag("--uefi", request.uefi, "start an --image with UEFI firmware (the package ovmf) instead of BIOS");
  app.add_option("--set", options.settings, "say NAME=VALUE to the micro image (docs/booting.md)")
      ->allow_extra_args(false)
      ->type_name("NAME=VALUE");
  app.add_option("--append", request.append, "more for the kernel's command line")->type_name("TEXT");
}

void define_machine(CLI::App& app, Options& options) {
  MachineRequest& request = options.request;
  app.add_option("--memory", options.memory, "of the machine")->type_name("SIZE")->capture_default_str();
  app.add_option("--cpus", request.cpus, "of the machine")->check(CLI::Range(1, 255))->capture_default_str();
  app.add_option("--context", request.context, "user data, handed over as cloud-init's NoCloud has it")
      ->type_name("FILE");
  app.add_option("--disk", options.disk,
                 "its scratch disk, kept; made if SIZE is said; none: memory only (default: one that goes with it)")
      ->type_name("FILE[:SIZE]");
  app.add_flag("--graphic", request.graphic, "with a window, too");
  app.add_option("--ssh-port", request.ssh_port,
                 "lead this port of 127.0.0.1 to its port 22; 0: a free one, which is told")
      ->type_name("N");
  app.add_option("--ssh-key", request.ssh_key, "whom it lets in (default: the public keys in ~/.ssh)")
      ->type_name("FILE");
  app.add_option("--qemu", request.qemu_words, "a word more for QEMU; again for each")
      ->allow_extra_args(false)
      ->type_name("WORD");
}

void define_kept(CLI::App& app, Options& options) {
  app.add_option("--vm", options.machine, "a machine that stays, in the background: made the first time, then started")
      ->type_name("NAME");
  app.add_option("ACTION", options.action, "list, stop, console, ssh, reset, remove")
      ->check(CLI::IsMember({"list", "stop", "console", "ssh", "reset", "remove"}));
  app.add_option("COMMAND", options.words, "with ssh: what to run there instead of a shell, after --");
  app.add_option("--user", options.user, "with ssh: whom to log in as")->capture_default_str();
  app.add_flag("--libvirt", options.libvirt, "with --vm: do not start it, print it as a domain for libvirt");
}

Action define(CLI::App& app) {
  const auto options = std::make_shared<Options>();
  define_what(app, *options);
  define_machine(app, *options);
  app.add_flag("--until-complete", options->until_complete,
               "end well as soon as the system is up, badly if it does not come up");
  app.add_option("--timeout", options->timeout, "how long --until-complete waits")
      ->type_name("TIME")
      ->capture_default_str();
  app.add_option("--console-file", options->console_file, "with --until-complete: write what the console says there")
      ->type_name("FILE");
  app.add_flag("-q,--quiet", options->quiet, "with --until-complete: do not show the console");
  define_kept(app, *options);
  app.add_flag("--json", options->json, "print the outcome, or the list, as JSON");
  return [options](Io& io) { return run(*options, io); };
}
}  // namespace

const Command kBootCommand{
    "boot", "start a virtual machine whose system is a snapshot",
    "Starts QEMU with the micro image, which mounts the snapshot from the repository and boots it. The serial console "
    "is "
    "this terminal: Ctrl-A x ends the machine, Ctrl-A h shows the other keys. A repository that is a directory is "
    "served "
    "on loopback as long as the machine runs. KVM is used where it works. What is written is lost with the machine "
    "unless "
    "it has a --disk.\n"
    "\n"
    "--until-complete is for scripts: 0 once the system has come up; 5 with the console's last lines when it has not.\n"
    "\n"
    "With --vm NAME the machine stays, in the background, with a disk of its own under "
    "${XDG_STATE_HOME:-~/.local/state}/granary/vms. stop presses its power button; reset gives it its first disk "
    "again; "
    "ssh gets in with the machine's own key.",
    "granary boot --repo /srv/os  # look at its newest snapshot\n"
    "granary boot --repo https://os.example.org --trust os.trust --tag v1 --ssh-port 2222\n"
    "granary boot --repo /srv/os --until-complete --json\n"
    "granary boot --image micro.iso --disk scratch.qcow2:20G --context user-data.yaml\n"
    "granary boot --vm web --repo /srv/os --until-complete  # one that stays\n"
    "granary boot --vm web ssh -- systemctl is-system-running\n"
    "granary boot --vm web reset",
    define};

}  // namespace granary
