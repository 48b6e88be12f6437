// Overlayfs notes down what it did in xattrs named trusted.overlay.* (user.overlay.* when mounted with userxattr), see
// Documentation/filesystems/overlayfs.rst in the Linux sources: a whiteout is a character device 0/0 or an empty file
// with the xattr "whiteout"; "opaque" is "y" on a directory that hides the lower one.
#include "server/overlay_source.h"

#include <map>

namespace granary {

namespace {
// The notes on one entry, taken off it: what remains is content.
std::map<Bytes, Bytes> take_notes(HostEntry& entry) {
  std::map<Bytes, Bytes> notes;
  std::erase_if(entry.xattrs, [&](Xattr& xattr) {
    for (const ByteView prefix : {"trusted.overlay.", "user.overlay."}) {
      if (!xattr.name.starts_with(prefix)) continue;
      notes[xattr.name.substr(prefix.size())] = std::move(xattr.value);
      return true;
    }
    return false;
  });
  return notes;
}

bool is_whiteout(const HostEntry& entry, const std::map<Bytes, Bytes>& notes) {
  const SourceNode& node = entry.node;
  if (node.type == NodeType::kCharDevice) return node.device_major == 0 && node.device_minor == 0;
  return node.is_file() && entry.stat.size_bytes == 0 && notes.contains("whiteout");
}

Status interpret(ByteView, HostEntry& entry) {
  const auto notes = take_notes(entry);
  if (is_whiteout(entry, notes)) {
    entry.node.is_whiteout = true;
    entry.node.type = NodeType::kCharDevice;  // nothing to read
    return Done{};
  }
  if (notes.contains("metacopy"))
    return Error{Code::kUnsupported, "the overlay holds its metadata but not its data: mount it with metacopy=off"};
  if (notes.contains("redirect"))
    return Error{
        Code::kUnsupported,
        "the overlay renamed it without copying: mount it with redirect_dir=off, or copy it and remove the old "
        "one, then commit again"};
  const auto opaque = notes.find("opaque");
  entry.node.is_opaque = entry.node.is_directory() && opaque != notes.end() && opaque->second == "y";
  entry.node.is_whole_group = !entry.node.is_directory() && notes.contains("nlink");
  return Done{};
}
}  // namespace

Result<std::unique_ptr<OverlaySource>> OverlaySource::open(const std::string& upper, const std::string& repository) {
  DirectorySource::Options options;
  options.repository = repository;
  options.interpret = interpret;
  return std::unique_ptr<OverlaySource>(new OverlaySource(TRY(DirectorySource::open(upper, std::move(options)))));
}

Result<SourceTree> OverlaySource::read(Intake& intake) {
  SourceTree tree = TRY(upper_->read(intake));
  tree.is_overlay = true;
  return tree;
}

}  // namespace granary
