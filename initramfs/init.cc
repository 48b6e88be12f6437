// The start of a machine, step by step: each says in a line what it did. What must succeed is tried again, offers a
// shell if asked, and ends the machine by policy (Steps); everything else the machine does without. The order is that
// of what is known: the disks may say how to bring the network up, the network brings the time and the rest of the
// context, the context may say what is mounted.
#include "initramfs/init.h"

#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <future>
#include <optional>
#include <set>

#include "fs/base/file.h"
#include "fs/base/time.h"
#include "initramfs/boot_log.h"
#include "initramfs/console.h"
#include "initramfs/context/context.h"
#include "initramfs/fetching.h"
#include "initramfs/guest/in_flight.h"
#include "initramfs/guest/trial_watcher.h"
#include "initramfs/lasting_root.h"
#include "initramfs/machine.h"
#include "initramfs/mounts.h"
#include "initramfs/network/link_keeper.h"
#include "initramfs/network/network.h"
#include "initramfs/os_files.h"
#include "initramfs/overlay.h"
#include "initramfs/paths.h"
#include "initramfs/pin.h"
#include "initramfs/posted_layer.h"
#include "initramfs/scratch/scratch.h"
#include "initramfs/settings.h"
#include "initramfs/steps.h"
#include "initramfs/switch_root.h"
#include "initramfs/tree_mount.h"
#include "initramfs/trusted_time.h"

namespace granary {

namespace {
const std::string kState = paths::kStateFolder;
const std::string kKeptContext = kState + "/context";

class Boot {
 public:
  void run() {
    steps_.must("console", open_console);
    steps_.must("lasting root", [this] { return make_place(); });
    steps_.should("drivers", [] { return load_modules(paths::kModules); });
    steps_.should("entropy", await_entropy);
    steps_.should("settings", [this] { return gather_settings(); });
    steps_.should("scratch", [this] { return find_own_scratch(); });
    steps_.should("context", [this] { return look_at_disks(); });
    begin_scratch();
    steps_.should("network", [this] { return bring_network_up(); });
    steps_.should("time", [this] { return settle_the_time(); });
    steps_.should("context", [this] { return look_on_network(); });
    steps_.must("scratch", [this] { return make_sure_of_scratch(); });
    steps_.must("trust", [this] { return choose_the_trust(); });
    steps_.should("snapshot", [this] { return choose_the_snapshot(); });
    steps_.must("mount", [this] { return mount_the_tree(); });
    if (settings_.record) steps_.should("recording", [this] { return begin_recording(); });
    steps_.must("posted layer", [this] { return post_the_layer(); });
    steps_.must("overlay", [this] { return lay_over(); });
    steps_.should("OS files", [this] { return settle_os_files(); });
    steps_.must("init", [this] { return find_the_os(); });
    if (settings_.rescue) offer_shell(log_, "before the switch to the OS; leave this shell to go on");
    steps_.should("machine", [this] { return note_the_machine(); });
    log_.note("switching to the OS");
    const Error error = switch_root(paths::kNewRoot, os_init_);
    steps_.must("switch", [&]() -> Result<std::string> { return error; });
  }

 private:
  Result<std::string> make_place() {
    std::string place = TRY(make_lasting_root());
    log_.keep_in(std::string(paths::kBootFolder) + "/boot.log");
    return place;
  }

  Result<std::string> gather_settings() {
    sayings_ = parse_image_config(TRY(read_file(paths::kImageConfig, 4 << 20)));
    for (Saying& saying : parse_command_line(TRY(read_file("/proc/cmdline", 64 << 10))))
      sayings_.push_back(std::move(saying));
    settle_again();
    const std::string what = settings_.repository.empty() ? "no repository yet" : settings_.repository.front();
    return what + ", " + (settings_.tag.empty() ? "branch " + settings_.branch : "tag " + settings_.tag);
  }

  void settle_again() {
    std::vector<std::string> complaints;
    settings_ = settle(sayings_, complaints);
    for (const std::string& complaint : complaints) {
      if (told_.insert(complaint).second) log_.failed("settings", complaint);
    }
  }

  // A machine that was here before has its context, its pin and its cache on a file system of ours.
  Result<std::string> find_own_scratch() {
    settle_devices();
    const auto found = TRY(adopt_scratch(settings_));
    if (!found) return std::string("none of this machine's own yet");
    scratch_ = *found;
    for (const std::string& warning : scratch_->warnings) log_.note("warning: scratch: " + warning);
    return scratch_->told;
  }

  Result<std::string> look_at_disks() {
    if (settings_.context == "none") return std::string("not asked for");
    context_ = find_context(settings_, false, fetch_);
    for (const std::string& complaint : context_.complaints) log_.failed("context", complaint);
    recall_context();
    if (context_.source.empty()) return std::string("nothing on disks");
    take_context();
    return context_.source + (recalled_ ? " (kept since the first start)" : "");
  }

  // What this machine was told at its first start holds, unless a disk makes it another machine.
  void recall_context() {
    const auto text = read_file(kKeptContext, 8 << 20);
    const auto kept = text ? parse_context(*text) : Result<Context>(Error{Code::kNotFound, ""});
    if (!kept || (!context_.source.empty() && context_.instance_id != kept->instance_id)) return;
    context_ = *kept;
    recalled_ = true;
  }

  void take_context() {
    for (const Saying& saying : context_.sayings) sayings_.push_back(saying);
    settle_again();
  }

  // Making a file system takes as long as a lease does. What the context may say of it is known when it was on a disk.
  void begin_scratch() {
    if (scratch_ || (context_.source.empty() && settings_.context != "none")) return;
    scratch_in_the_making_ = std::async(std::launch::async, prepare_scratch, settings_);
  }

  Result<std::string> bring_network_up() {
    if (settings_.network == "none") return std::string("not asked for");
    auto network = bring_up_network(settings_, context_.network);
    // Whether or not it is up: what has no carrier yet may get it.
    const Status kept = start_link_keeper();
    if (!kept) log_.failed("network", kept.error().message);
    network_ = TRY(std::move(network));
    for (const std::string& complaint : network_.complaints) log_.note("warning: network: " + complaint);
    std::string told;
    for (const Network::Link& link : network_.links) {
      std::string addresses;
      for (const std::string& address : link.addresses) addresses += " " + address;
      told += (told.empty() ? "" : "; ") + link.device + addresses + " " + link.how;
    }
    return told.empty() ? "no link" : told;
  }

  Result<std::string> settle_the_time() {
    std::vector<std::string> servers = settings_.ntp;
    servers.insert(servers.end(), context_.network.ntp.begin(), context_.network.ntp.end());
    servers.insert(servers.end(), network_.ntp.begin(), network_.ntp.end());
    time_ = settle_time(time_floor(image_version().built_at, kState), servers);
    return time_.said;
  }

  Result<std::string> look_on_network() {
    if (settings_.context == "none") return std::string("not asked for");
    if (!context_.source.empty()) return "known: " + context_.source;
    if (!network_.up) return std::string("no network to ask on");
    context_ = find_context(settings_, true, fetch_);
    for (const std::string& complaint : context_.complaints) log_.failed("context", complaint);
    if (context_.source.empty()) return std::string("nobody says anything");
    take_context();
    return context_.source;
  }

  Result<std::string> make_sure_of_scratch() {
    if (scratch_ && (settings_.scratch != "none" || !scratch_->lasting)) {
      keep_context();
      return "is there: " + scratch_->told;
    }
    if (scratch_) leave_scratch();
    scratch_ = TRY(scratch_in_the_making_.valid() ? scratch_in_the_making_.get() : prepare_scratch(settings_));
    for (const std::string& warning : scratch_->warnings) log_.note("warning: scratch: " + warning);
    TRY(make_directories(kState, 0700));
    keep_context();
    return scratch_->told;
  }

  void keep_context() {
    if (recalled_ || context_.source.empty()) return;
    const Status kept = replace_file(kKeptContext, serialise(context_), 0600, Durability::kDurable);
    if (!kept) log_.failed("context", "not kept for the next start: " + kept.error().message);
  }

  Result<std::string> choose_the_trust() {
    trust_ = TRY(choose_trust(settings_, std::string(paths::kLasting) + paths::kTrustFolder));
    return str(trust_.name, ", repository ", trust_.repository);
  }

  // The pin is written before the machine goes on: a trial that hangs has been counted.
  Result<std::string> choose_the_snapshot() {
    const std::string asked = asked_for(settings_, trust_);
    const auto pin = load_pin(kState);
    if (!pin) log_.failed("snapshot", pin.error().message + "; the newest is taken and pinned");
    pin_ = pin.value_or(BootPin());
    choice_ = choose_snapshot(pin_, asked);
    if (choice_.what != BootChoice::What::kNewest) note_choice();
    if (!choice_.remark.empty()) log_.note("snapshot: " + choice_.remark);
    const char* what = choice_.what == BootChoice::What::kTrial ? "trial " : "pinned ";
    return choice_.snapshot.empty() ? "first start: the newest of " + asked.substr(asked.find(' ') + 1)
                                    : what + choice_.snapshot.substr(0, 12);
  }

  // A trial that could not be counted would be tried for ever.
  void note_choice() {
    const Status stored = store_pin(kState, pin_);
    if (stored) return;
    log_.failed("snapshot", stored.error().message);
    if (choice_.what == BootChoice::What::kTrial)
      choice_ = {BootChoice::What::kPinned, pin_.pinned, "the update is not tried: it cannot be noted on the disk"};
  }

  Result<std::string> mount_the_tree() {
    TreeRequest request{trust_, choice_.snapshot, quota_bytes(settings_, *scratch_), time_.trusted, time_.floor};
    const Status mounted = mount_tree(settings_, request, machine_);
    if (!mounted && choice_.what == BootChoice::What::kTrial && !may_pass(mounted.error().code))
      return give_trial_up(mounted.error());
    TRY(mounted);
    if (choice_.what == BootChoice::What::kNewest) {
      note_first(pin_, asked_for(settings_, trust_), machine_.snapshot);
      const Status stored = store_pin(kState, pin_);
      if (!stored) log_.failed("mount", "not pinned, the next start takes the newest: " + stored.error().message);
    }
    raise_time_floor(kState, machine_.published_at);
    forget_failures();
    return str("snapshot ", machine_.snapshot.substr(0, 12), " of ", machine_.repository_name, ", published ",
               machine_.published_at);
  }

  Result<std::string> begin_recording() {
    TRY(start_recording());
    machine_.recording = true;
    return std::string("what is touched, until the start is complete");
  }

  // An update that cannot even be mounted is not worth a reboot.
  Result<std::string> give_trial_up(const Error& why) {
    log_.failed("mount", "the update cannot be mounted: " + why.message + "; the pinned snapshot is taken");
    note_failed_trial(pin_, "it could not be mounted: " + why.message);
    TRY(store_pin(kState, pin_));
    choice_ = choose_snapshot(pin_, asked_for(settings_, trust_));
    return mount_the_tree();
  }

  std::string tree() const { return paths::kTree + (settings_.path.empty() ? "" : "/" + settings_.path); }

  Result<std::string> post_the_layer() {
    utsname system{};
    ::uname(&system);
    machine_.kernel = system.release;
    return post_layer(tree(), paths::kModules, system.release, paths::kPosted);
  }

  Result<std::string> lay_over() {
    machine_.persistent = settings_.persistent && scratch_->lasting;
    if (machine_.persistent) {
      machine_.upper = std::string(paths::kUpperFolder) + "/" + lineage_of(settings_, trust_);
      const Status laid = mount_overlay({tree(), paths::kPosted, machine_.upper, paths::kNewRoot});
      if (laid) return "changes are kept on " + scratch_->device;
      log_.failed("overlay", laid.error().message + "; changes are in memory this time");
    }
    machine_.persistent = false;
    machine_.upper = std::string(paths::kLasting) + "/upper";
    TRY(mount_volatile_layer(machine_.upper));
    TRY(mount_overlay({tree(), paths::kPosted, machine_.upper, paths::kNewRoot}));
    return std::string("changes are in memory, and gone at the next start");
  }

  Result<std::string> settle_os_files() {
    OsPlan plan{paths::kNewRoot,
                kState,
                machine_.persistent,
                hostname(),
                {},
                network_.search,
                context_.ssh_keys,
                context_.instance_id,
                context_.user_data,
                settings_.inject};
    for (const auto* servers : {&settings_.dns, &context_.network.dns, &network_.dns})
      for (const std::string& server : *servers)
        if (std::find(plan.dns.begin(), plan.dns.end(), server) == plan.dns.end()) plan.dns.push_back(server);
    std::vector<std::string> complaints;
    const std::string changed = prepare_os_files(plan, complaints);
    for (const std::string& complaint : complaints) log_.failed("OS files", complaint);
    return changed;
  }

  std::string hostname() const {
    if (!settings_.hostname.empty()) return settings_.hostname;
    if (!context_.hostname.empty()) return context_.hostname;
    return context_.network.hostname.empty() ? network_.hostname : context_.network.hostname;
  }

  Result<std::string> find_the_os() {
    os_init_ = TRY(find_os_init(paths::kNewRoot));
    return os_init_;
  }

  Result<std::string> note_the_machine() {
    machine_.urls = settings_.repository;
    machine_.trust = trust_.name;
    machine_.branch = settings_.branch;
    machine_.asked = asked_for(settings_, trust_);
    machine_.path = settings_.path;
    machine_.how = choice_.what == BootChoice::What::kTrial    ? "trial"
                   : choice_.what == BootChoice::What::kPinned ? "pinned"
                                                               : "newest";
    machine_.scratch = scratch_->device;
    machine_.lasting = scratch_->lasting;
    machine_.proxy = settings_.proxy;
    machine_.context_source = context_.source;
    machine_.instance_id = context_.instance_id;
    machine_.hostname = hostname();
    machine_.time = time_.said;
    if (!time_.trusted) machine_.freshness = "unknown";
    for (const Network::Link& link : network_.links)
      for (const std::string& address : link.addresses) machine_.addresses.push_back(link.device + " " + address);
    machine_.dns = network_.dns;
    machine_.granary = image_version().granary;
    machine_.booted_at = format_utc(Clock::system().now());
    machine_.complete_timeout_seconds = static_cast<uint64_t>(settings_.complete_timeout.count());
    machine_.seconds_to_switch = uptime_seconds();
    TRY(replace_file(std::string(paths::kBootFolder) + "/machine.json", serialise(machine_), 0644, Durability::kFast));
    if (choice_.what == BootChoice::What::kTrial) TRY(start_trial_watcher(settings_.complete_timeout));
    return std::string(paths::kBootFolder) + "/machine.json";
  }

  BootLog log_;
  Settings settings_;
  Steps steps_{log_, settings_};
  std::vector<Saying> sayings_;
  std::set<std::string> told_;
  Context context_;
  bool recalled_ = false;
  Network network_;
  TrustedTime time_;
  std::optional<Scratch> scratch_;
  std::future<Result<Scratch>> scratch_in_the_making_;
  ImageTrust trust_;
  BootPin pin_;
  BootChoice choice_;
  StartedMachine machine_;
  std::string os_init_;
  const Fetch fetch_ = fetch_by_mount_program;
};
}  // namespace

void run_init() {
  ::umask(022);
  Boot boot;
  boot.run();
  end_machine("reboot");
}

}  // namespace granary
