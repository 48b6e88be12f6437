#include "builder/micro/module_set.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <optional>
#include <set>

#include "builder/archive/index_text.h"
#include "builder/micro/kernel_module.h"
#include "fs/base/file.h"
#include "fs/base/program.h"

namespace granary {

namespace {
constexpr uint64_t kMaxModuleBytes = 64 << 20;

struct Wanted {
  const char* name;
  ModuleUse use;
  bool more = false;
};

// Nothing works without them; a kernel may have them built in.
constexpr const char* kNeeded[] = {"fuse", "overlay"};

// clang-format off
constexpr Wanted kWanted[] = {
    // file systems, and what they find out by themselves
    {"crc32c_generic", ModuleUse::kAlways}, {"crc32c_intel", ModuleUse::kHardware},
    {"crct10dif_generic", ModuleUse::kAlways},
    {"fuse", ModuleUse::kAlways}, {"overlay", ModuleUse::kAlways}, {"ext4", ModuleUse::kAlways},
    {"isofs", ModuleUse::kAlways}, {"udf", ModuleUse::kAlways}, {"vfat", ModuleUse::kAlways},
    {"nls_cp437", ModuleUse::kAlways}, {"nls_ascii", ModuleUse::kAlways}, {"nls_iso8859_1", ModuleUse::kAlways},
    {"autofs4", ModuleUse::kAlways}, {"sd_mod", ModuleUse::kAlways}, {"sr_mod", ModuleUse::kAlways},
    {"af_packet", ModuleUse::kAlways}, {"unix", ModuleUse::kAlways}, {"ipv6", ModuleUse::kAlways},
    {"button", ModuleUse::kAlways}, {"evdev", ModuleUse::kAlways},
    // whose mount fails in every OS that has Python
    {"binfmt_misc", ModuleUse::kLater},
    // KVM, QEMU and whoever else speaks virtio
    {"virtio_pci", ModuleUse::kHardware}, {"virtio_mmio", ModuleUse::kHardware}, {"virtio_blk", ModuleUse::kHardware},
    {"virtio_net", ModuleUse::kHardware}, {"virtio_scsi", ModuleUse::kHardware}, {"virtio_rng", ModuleUse::kHardware},
    {"virtio_console", ModuleUse::kHardware}, {"virtio_balloon", ModuleUse::kHardware},
    // disks that all hypervisors imitate
    {"ata_piix", ModuleUse::kHardware}, {"ata_generic", ModuleUse::kHardware}, {"ahci", ModuleUse::kHardware},
    {"nvme", ModuleUse::kHardware}, {"mptspi", ModuleUse::kHardware}, {"mptsas", ModuleUse::kHardware},
    {"sym53c8xx", ModuleUse::kHardware},
    // network cards that they imitate
    {"e1000", ModuleUse::kHardware}, {"e1000e", ModuleUse::kHardware}, {"8139cp", ModuleUse::kHardware},
    {"8139too", ModuleUse::kHardware}, {"pcnet32", ModuleUse::kHardware}, {"ne2k_pci", ModuleUse::kHardware},
    // VMware, Hyper-V, Xen
    {"vmxnet3", ModuleUse::kHardware}, {"vmw_pvscsi", ModuleUse::kHardware},
    {"hv_storvsc", ModuleUse::kHardware}, {"hv_netvsc", ModuleUse::kHardware}, {"hv_utils", ModuleUse::kHardware},
    {"hyperv_keyboard", ModuleUse::kHardware}, {"pci_hyperv", ModuleUse::kHardware},
    {"xen_blkfront", ModuleUse::kHardware}, {"xen_netfront", ModuleUse::kHardware},
    // clouds' own cards, and parts of physical ones that are handed to guests
    {"ena", ModuleUse::kHardware}, {"gve", ModuleUse::kHardware}, {"ixgbevf", ModuleUse::kHardware},
    {"iavf", ModuleUse::kHardware}, {"igbvf", ModuleUse::kHardware},

    // --modules more
    {"nf_tables", ModuleUse::kLater, true}, {"nft_compat", ModuleUse::kLater, true}, {"nft_ct", ModuleUse::kLater, true},
    {"nft_chain_nat", ModuleUse::kLater, true}, {"nft_nat", ModuleUse::kLater, true}, {"nft_masq", ModuleUse::kLater, true},
    {"nft_redir", ModuleUse::kLater, true}, {"nft_reject_inet", ModuleUse::kLater, true},
    {"nft_limit", ModuleUse::kLater, true}, {"nft_log", ModuleUse::kLater, true}, {"nft_fib_inet", ModuleUse::kLater, true},
    {"nf_log_syslog", ModuleUse::kLater, true}, {"ip_tables", ModuleUse::kLater, true}, {"ip6_tables", ModuleUse::kLater, true},
    {"iptable_filter", ModuleUse::kLater, true}, {"iptable_nat", ModuleUse::kLater, true}, {"iptable_mangle", ModuleUse::kLater, true},
    {"ip6table_filter", ModuleUse::kLater, true}, {"ip6table_nat", ModuleUse::kLater, true},
    {"xt_conntrack", ModuleUse::kLater, true}, {"xt_MASQUERADE", ModuleUse::kLater, true}, {"xt_nat", ModuleUse::kLater, true},
    {"xt_tcpudp", ModuleUse::kLater, true}, {"xt_comment", ModuleUse::kLater, true}, {"xt_addrtype", ModuleUse::kLater, true},
    {"xt_multiport", ModuleUse::kLater, true}, {"xt_mark", ModuleUse::kLater, true}, {"xt_limit", ModuleUse::kLater, true},
    {"xt_LOG", ModuleUse::kLater, true}, {"xt_REDIRECT", ModuleUse::kLater, true}, {"ipt_REJECT", ModuleUse::kLater, true},
    {"ip6t_REJECT", ModuleUse::kLater, true}, {"ip_set", ModuleUse::kLater, true},
    {"bridge", ModuleUse::kLater, true}, {"br_netfilter", ModuleUse::kLater, true}, {"veth", ModuleUse::kLater, true},
    {"tun", ModuleUse::kLater, true}, {"macvlan", ModuleUse::kLater, true}, {"ipvlan", ModuleUse::kLater, true},
    {"vxlan", ModuleUse::kLater, true}, {"dummy", ModuleUse::kLater, true}, {"bonding", ModuleUse::kLater, true},
    {"8021q", ModuleUse::kLater, true}, {"wireguard", ModuleUse::kLater, true}, {"sch_fq_codel", ModuleUse::kLater, true},
    {"tcp_bbr", ModuleUse::kLater, true}, {"vmw_vsock_virtio_transport", ModuleUse::kLater, true},
    {"loop", ModuleUse::kLater, true}, {"nbd", ModuleUse::kLater, true}, {"dm_mod", ModuleUse::kLater, true},
    {"dm_crypt", ModuleUse::kLater, true}, {"xfs", ModuleUse::kLater, true}, {"btrfs", ModuleUse::kLater, true},
    {"squashfs", ModuleUse::kLater, true}, {"erofs", ModuleUse::kLater, true}, {"nfsv3", ModuleUse::kLater, true},
    {"nfsv4", ModuleUse::kLater, true}, {"cifs", ModuleUse::kLater, true}, {"9p", ModuleUse::kLater, true},
    {"9pnet_virtio", ModuleUse::kLater, true}, {"virtiofs", ModuleUse::kLater, true}, {"configfs", ModuleUse::kLater, true},
    {"netconsole", ModuleUse::kLater, true},
    {"kvm_intel", ModuleUse::kLater, true}, {"kvm_amd", ModuleUse::kLater, true}, {"vhost_net", ModuleUse::kLater, true},
    {"xhci_pci", ModuleUse::kHardware, true}, {"ehci_pci", ModuleUse::kHardware, true}, {"uhci_hcd", ModuleUse::kHardware, true},
    {"usb_storage", ModuleUse::kHardware, true}, {"uas", ModuleUse::kHardware, true}, {"usbhid", ModuleUse::kHardware, true},
    {"hid_generic", ModuleUse::kHardware, true}, {"mlx4_en", ModuleUse::kHardware, true}, {"mlx5_core", ModuleUse::kHardware, true},
    {"igb", ModuleUse::kHardware, true}, {"ixgbe", ModuleUse::kHardware, true}, {"i40e", ModuleUse::kHardware, true},
    {"ice", ModuleUse::kHardware, true}, {"igc", ModuleUse::kHardware, true}, {"r8169", ModuleUse::kHardware, true},
    {"realtek", ModuleUse::kHardware, true}, {"tg3", ModuleUse::kHardware, true}, {"bnxt_en", ModuleUse::kHardware, true},
    {"megaraid_sas", ModuleUse::kHardware, true}, {"mpt3sas", ModuleUse::kHardware, true},
};
// clang-format on

// "virtio_net" of kernel/drivers/net/virtio_net.ko.xz; nothing for what is no module.
std::optional<std::string> module_of(const std::string& file) {
  for (const char* suffix : {".ko", ".ko.xz", ".ko.gz", ".ko.zst"}) {
    if (file.ends_with(suffix)) return module_name(file.substr(0, file.size() - std::strlen(suffix)));
  }
  return std::nullopt;
}

// The modules of a folder, by name; and what is built in.
struct Known {
  std::map<std::string, std::string> files;
  std::set<std::string> built_in;

  static Result<Known> of(const std::string& folder) {
    Known known;
    std::error_code failure;
    std::filesystem::recursive_directory_iterator each(folder, failure), end;
    for (; !failure && each != end; each.increment(failure)) {
      if (each->path().filename() == "build" || each->path().filename() == "source") each.disable_recursion_pending();
      const auto name = module_of(each->path().filename().string());
      if (name && each->is_regular_file(failure)) known.files.emplace(*name, each->path().string());
    }
    if (failure)
      return Error{Code::kNotFound, str("cannot read the kernel's modules in ", printable(folder), ": ",
                                        failure.message(), "; name their folder with --modules-dir")};
    const auto listed = read_file(folder + "/modules.builtin", kMaxModuleBytes);
    if (!listed) return known;
    std::istringstream lines(*listed);
    for (std::string line; std::getline(lines, line);) {
      if (const auto name = module_of(line.substr(line.rfind('/') + 1))) known.built_in.insert(*name);
    }
    return known;
  }
};

// Sections for debuggers can be ten times as large as a module. Without them its signature is void, so only a kernel
// that somebody built for himself is touched.
Result<Bytes> without_debug(const std::string& name, ByteView content) {
  const TemporaryDirectory scratch = TRY(TemporaryDirectory::make());
  const std::string path = scratch.path() + "/module.ko";
  TRY(replace_file(path, content, 0600, Durability::kFast));
  Program strip;
  strip.words = {"strip", "--strip-debug", path};
  strip.errors = Program::Stream::kCapture;
  const auto end = run_program_well(strip);
  if (!end && end.error().code == Code::kNotFound)
    return Error{Code::kNotFound, str("module ", name,
                                      " carries sections for debuggers, which the program strip takes away; it is not "
                                      "installed: apt-get install binutils")};
  if (!end) return end.error();
  return read_file(path, kMaxModuleBytes);
}

class Chooser {
 public:
  explicit Chooser(const Known& known) : known_(known) {}

  // Whether the set has it now, or the kernel has it built in.
  Result<bool> add(const std::string& name, ModuleUse use) {
    if (known_.built_in.contains(name)) return true;
    const auto file = known_.files.find(name);
    if (file == known_.files.end()) return false;
    if (const auto there = places_.find(name); there != places_.end()) {
      raise(there->second, use);
      return true;
    }
    if (!under_way_.insert(name).second) return true;  // modules that soft-depend on each other
    TRY_WITHIN(printable(file->second), add_file(file->second, use));
    return true;
  }

  ModuleSet take() { return std::move(set_); }

 private:
  // What is needed earlier makes what it needs so, too.
  void raise(size_t place, ModuleUse use) {
    if (set_[place].use <= use) return;
    set_[place].use = use;
    for (const std::string& needed : set_[place].depends) raise(places_.at(*module_of(needed)), use);
  }

  Status add_file(const std::string& path, ModuleUse use) {
    const Bytes stored = TRY(read_file(path, kMaxModuleBytes));
    Bytes content = path.ends_with(".ko") ? stored : TRY(decompress(stored, kMaxModuleBytes));
    const KernelModule module = TRY(KernelModule::parse(content));
    PackedModule packed{module.name, {}, {}, {}, module.aliases, use};
    for (const std::string& needed : module.depends) {
      const bool there = TRY(add(needed, use));
      if (!there)
        return Error{Code::kNotFound, str("it needs ", printable(needed), ", which this kernel's modules do not have")};
      note_needed(needed, packed);
    }
    for (const std::string& wish : module.softdeps) TRY(add_soft(wish, use, packed));
    packed.content = module.has_debug ? TRY(without_debug(module.name, content)) : std::move(content);
    packed.file = std::filesystem::path(path).filename().string();
    packed.file.resize(packed.file.rfind(".ko") + 3);
    places_[*module_of(packed.file)] = set_.size();
    set_.push_back(std::move(packed));
    return Done{};
  }

  // "crypto-crc32c" stands for whatever computes it: the plain one always does.
  Status add_soft(const std::string& wish, ModuleUse use, PackedModule& packed) {
    constexpr std::string_view kCrypto = "crypto-";
    const std::string name = module_name(wish.starts_with(kCrypto) ? wish.substr(kCrypto.size()) : wish);
    for (const std::string& candidate : {name, name + "_generic"}) {
      TRY(add(candidate, use));
      note_needed(candidate, packed);
    }
    return Done{};
  }

  void note_needed(const std::string& name, PackedModule& packed) const {
    if (const auto place = places_.find(name); place != places_.end())
      packed.depends.push_back(set_[place->second].file);
  }

  const Known& known_;
  std::map<std::string, size_t> places_;
  std::set<std::string> under_way_;
  ModuleSet set_;
};
}  // namespace

const char* name_of(ModuleUse use) {
  switch (use) {
    case ModuleUse::kAlways: return "always";
    case ModuleUse::kHardware: return "hardware";
    case ModuleUse::kLater: return "later";
  }
  return "later";
}

Result<ModuleSet> choose_modules(const std::string& folder, const ModuleWishes& wishes) {
  const Known known = TRY(Known::of(folder));
  Chooser chooser(known);
  for (const char* name : kNeeded) {
    const bool there = TRY(chooser.add(name, ModuleUse::kAlways));
    if (!there)
      return Error{Code::kNotFound, str("the kernel's modules in ", printable(folder), " lack ", name,
                                        ", without which no snapshot can be mounted: take another kernel")};
  }
  for (const Wanted& wanted : kWanted) {
    if (!wanted.more || wishes.more) TRY(chooser.add(wanted.name, wanted.use));
  }
  for (const std::string& wish : wishes.names) {
    const bool there = TRY(chooser.add(module_name(wish), ModuleUse::kAlways));
    if (!there)
      return Error{Code::kNotFound,
                   str("there is no module ", printable(wish), " in ", printable(folder), ", nor is it built in")};
  }
  return chooser.take();
}

std::string order_text(const ModuleSet& modules) {
  std::string text;
  for (const PackedModule& module : modules) {
    if (module.use != ModuleUse::kLater) text += module.file + "\n";
  }
  return text;
}

std::string modules_text(const ModuleSet& modules) {
  std::string text;
  for (const PackedModule& module : modules) {
    std::string needed;
    for (const std::string& file : module.depends) needed += (needed.empty() ? "" : ",") + file;
    text += str(module.file, " ", name_of(module.use), " ", needed.empty() ? "-" : needed);
    for (const std::string& alias : module.aliases) text += " " + alias;
    text += "\n";
  }
  return text;
}

}  // namespace granary
