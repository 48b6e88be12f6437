// AptWorld: a small apt archive in a directory, signed with a key of its own, and an apt configuration that knows it.
// Needs gpg and xz; see `can_be_made`.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "builder/archive/apt_sources.h"
#include "fs/base/file.h"
#include "fs/base/time.h"

namespace granary {

class AptWorld {
 public:
  struct SuiteOptions {
    std::string codename;  // empty: the suite's name
    std::string date = "Sat, 11 Jul 2026 10:16:37 UTC";
    std::string valid_until;  // empty: no such field
    bool compress = true;     // Packages.xz beside Packages
    bool sign = true;         // with the archive's key, else with a stranger's
  };

  AptWorld();
  ~AptWorld();
  AptWorld(const AptWorld&) = delete;
  AptWorld& operator=(const AptWorld&) = delete;
  static bool can_be_made();

  // A package of the suite's "main": fields beyond the usual ones as control lines, such as "Depends: b (>= 2)\n". Its
  // .deb is some text.
  void add(const std::string& suite, const std::string& name, const std::string& version,
           const std::string& fields = "");
  void publish(const std::string& suite, const SuiteOptions& options);
  void publish(const std::string& suite) { publish(suite, SuiteOptions{}); }

  std::string directory() const { return work_.path() + "/debian"; }
  std::string url() const { return "file://" + directory(); }
  Bytes keyring() const;
  static Bytes deb_of(const std::string& name, const std::string& version);

  // What apt would know of it, under this URL (empty: the directory's).
  AptSources sources(const std::string& url = "", const std::string& suites = "bookworm bookworm-updates") const;

 private:
  void gpg(std::vector<std::string> words) const;
  std::string home() const { return work_.path() + "/gnupg"; }

  TemporaryDirectory work_;
  std::map<std::string, Bytes> packages_;  // by suite
};

}  // namespace granary
