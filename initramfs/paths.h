// Where things lie in the micro image, and in the machine that it has booted. What has to outlive the switch to the OS
// stands below kLasting, a tmpfs of ours inside /run, which moves along with /run: the mount program and the DHCP
// client run with it as their root directory, and systemd takes it as its root at shutdown (docs/booting.md, "Inside").
#pragma once

namespace granary::paths {

// In the initramfs, as `granary micro build` packs it.
inline constexpr const char* kImageConfig = "/etc/granary/micro.conf";  // Settings, NAME = VALUE a line
inline constexpr const char* kTrustFolder = "/etc/granary/trust";       // NAME.trust; the only trusts there are
inline constexpr const char* kModules = "/lib/modules";  // VERSION/…, and VERSION/granary.order: load order
inline constexpr const char* kImageVersion = "/etc/granary/version";  // of Granary; then the time of the build, UTC

// After the first step, both before and after the switch to the OS.
inline constexpr const char* kLasting = "/run/initramfs";
inline constexpr const char* kTree = "/run/initramfs/tree";        // the snapshot, mounted
inline constexpr const char* kScratch = "/run/initramfs/scratch";  // the scratch file system, or a tmpfs
inline constexpr const char* kPosted = "/run/initramfs/posted";    // the lowest layer: our modules and units for the OS
inline constexpr const char* kProgram = "/run/initramfs/bin/granary-init";
inline constexpr const char* kMountProgram = "/run/initramfs/bin/granary-mount";
inline constexpr const char* kBusybox = "/run/initramfs/bin/busybox";
inline constexpr const char* kResolver = "/run/initramfs/etc/resolv.conf";  // written in place, never replaced
inline constexpr const char* kNewRoot = "/newroot";                         // the overlay, until the switch

// What one boot found out, for granary-guest and for people: machine.json, boot.log.
inline constexpr const char* kBootFolder = "/run/granary-boot";

// Below kScratch.
inline constexpr const char* kStateFolder = "/run/initramfs/scratch/state";  // pin.json, versions seen, ssh host keys
inline constexpr const char* kCacheFolder = "/run/initramfs/scratch/cache";
inline constexpr const char* kUpperFolder = "/run/initramfs/scratch/upper";  // LINEAGE/{upper,work}
inline constexpr const char* kScratchLabel = "granary-scratch";

}  // namespace granary::paths
