// PackageLayer: a package unpacked once, for every cook of this machine: a folder DIGEST-FORMAT, named by the .deb,
// with its files under tree/ and, in the file `package`, its control files and the list of its entries with the SHA-256
// of each file. The list ends with a digest of itself, and who copies a file out compares its digest: a layer that was
// damaged is noticed, never used. Made under another name and renamed: killed at any point, or made by two at once,
// there is a whole one or none. Safe from many threads and processes.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "builder/debian/deb_file.h"
#include "fs/base/digest.h"

namespace granary {

struct LayerEntry : DebEntry {
  Digest digest;  // of a file
};

class PackageLayer {
 public:
  static constexpr int kFormat = 1;

  // The layer of the package with SHA-256 `deb` among `layers`.
  //   kNotFound  not made yet;  kCorrupt  damaged: make() replaces it
  static Result<PackageLayer> open(const std::string& layers, const Digest& deb);
  // Unpacks the .deb at `path`.
  //   kCorrupt  it is damaged, or its SHA-256 is another
  static Status make(const std::string& layers, const Digest& deb, const std::string& path);
  // Takes it away, so that it is made anew.
  static Status discard(const std::string& layers, const Digest& deb);

  const DebControl& control() const { return control_; }
  const std::vector<LayerEntry>& entries() const { return entries_; }  // in the order of the archive
  // The content of a control file; empty when the package has none of that name.
  ByteView control_file(const std::string& name) const;
  const std::string& tree() const { return tree_; }

 private:
  DebControl control_;
  std::vector<LayerEntry> entries_;
  std::string tree_;
};

// The layers of these packages, made on `threads` threads where they are missing or damaged. Leftovers of makers that
// were killed are taken away.
Result<std::vector<PackageLayer>> package_layers(const std::string& layers, std::span<const Digest> debs,
                                                 std::span<const std::string> paths, unsigned threads);

}  // namespace granary
