// TestDeb: a Debian package made in memory: `TestDeb("hello").file("usr/bin/hello", "hi").script("preinst", "...")`.
#pragma once

#include <archive.h>
#include <archive_entry.h>

#include <cstdio>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "fs/base/bytes.h"

namespace granary {

class TestDeb {
 public:
  struct Member {
    std::string name;
    unsigned type = AE_IFREG;
    unsigned mode = 0644;
    Bytes content;  // or where a link leads
    bool is_hard_link = false;
    int uid = 0, gid = 0;
    int64_t mtime = 1'500'000'000;
  };

  explicit TestDeb(const std::string& package, const std::string& fields = "") {
    control_["control"] =
        "Package: " + package + "\nVersion: 1.0\nArchitecture: amd64\nMaintainer: nobody\nDescription: test\n" + fields;
    directory(".");
  }
  TestDeb& file(const std::string& name, const Bytes& content, unsigned mode = 0644) {
    return add({"./" + name, AE_IFREG, mode, content});
  }
  TestDeb& directory(const std::string& name, unsigned mode = 0755) { return add({"./" + name, AE_IFDIR, mode, ""}); }
  TestDeb& symlink(const std::string& name, const std::string& to) { return add({"./" + name, AE_IFLNK, 0777, to}); }
  TestDeb& hard_link(const std::string& name, const std::string& to) {
    return add({"./" + name, AE_IFREG, 0644, "./" + to, true});
  }
  TestDeb& add(Member member) {
    members_.push_back(std::move(member));
    return *this;
  }
  TestDeb& control(const std::string& name, const Bytes& content) {
    control_[name] = content;
    return *this;
  }

  // compression: "", "gz", "xz" or "zst".
  Bytes bytes(const std::string& compression = "") const {
    std::vector<Member> control;
    for (const auto& [name, content] : control_) control.push_back({"./" + name, AE_IFREG, 0755, content});
    const std::string end = compression.empty() ? "" : "." + compression;
    return "!<arch>\n" + part("debian-binary", "2.0\n") + part("control.tar" + end, tar(control, compression)) +
           part("data.tar" + end, tar(members_, compression));
  }

  static Bytes part(const std::string& name, const Bytes& content) {
    char header[61];
    std::snprintf(header, sizeof header, "%-16s%-12d%-6d%-6d%-8o%-10zu`\n", name.c_str(), 0, 0, 0, 0100644,
                  content.size());
    return std::string(header, 60) + content + (content.size() % 2 != 0 ? "\n" : "");
  }

 private:
  static Bytes tar(const std::vector<Member>& members, const std::string& compression) {
    Bytes out(4 << 20, '\0');
    size_t used = 0;
    archive* const writer = archive_write_new();
    archive_write_set_format_gnutar(writer);
    if (compression == "gz") archive_write_add_filter_gzip(writer);
    if (compression == "xz") archive_write_add_filter_xz(writer);
    if (compression == "zst") archive_write_add_filter_zstd(writer);
    if (compression == "bz2") archive_write_add_filter_bzip2(writer);
    archive_write_open_memory(writer, out.data(), out.size(), &used);
    for (const Member& member : members) {
      archive_entry* const entry = archive_entry_new();
      archive_entry_set_pathname(entry, member.name.c_str());
      archive_entry_set_filetype(entry, member.type);
      archive_entry_set_perm(entry, static_cast<mode_t>(member.mode));
      archive_entry_set_uid(entry, member.uid);
      archive_entry_set_gid(entry, member.gid);
      archive_entry_set_mtime(entry, member.mtime, 0);
      const bool has_content = member.type == AE_IFREG && !member.is_hard_link;
      archive_entry_set_size(entry, has_content ? static_cast<la_int64_t>(member.content.size()) : 0);
      if (member.type == AE_IFLNK) archive_entry_set_symlink(entry, member.content.c_str());
      if (member.is_hard_link) archive_entry_set_hardlink(entry, member.content.c_str());
      archive_write_header(writer, entry);
      if (has_content) archive_write_data(writer, member.content.data(), member.content.size());
      archive_entry_free(entry);
    }
    archive_write_close(writer);
    archive_write_free(writer);
    out.resize(used);
    return out;
  }

  std::map<std::string, Bytes> control_;
  std::vector<Member> members_;
};

}  // namespace granary
