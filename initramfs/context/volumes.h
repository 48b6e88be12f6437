// Volumes: the attached file systems in which a context may lie, found by what their first sectors say, never by what
// they are called, and mounted read-only for as long as they are looked at.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "initramfs/context/context.h"

namespace granary {

struct VolumeKind {
  std::string type, label;  // "iso9660", "vfat", "ext4"; the label as it is written, without the blanks at its end
  bool operator==(const VolumeKind&) const = default;
};

// What the first 64 KiB of a device say.
std::optional<VolumeKind> identify_volume(ByteView beginning);

enum class Which {
  kSeeds,  // every iso9660, and vfat with a label that contexts have
  kAll,    // ext4, too
};

// Mounted file systems; unmounted when this goes.
class MountedVolumes {
 public:
  static MountedVolumes attach(Which which);
  MountedVolumes(MountedVolumes&& other) noexcept : volumes_(std::exchange(other.volumes_, {})) {}
  MountedVolumes& operator=(MountedVolumes&&) = delete;
  ~MountedVolumes();

  const std::vector<SeedVolume>& volumes() const { return volumes_; }
  const std::vector<std::string>& complaints() const { return complaints_; }

 private:
  MountedVolumes() = default;
  std::vector<SeedVolume> volumes_;
  std::vector<std::string> complaints_;
};

}  // namespace granary
