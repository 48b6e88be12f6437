// `granary-generator NORMAL [EARLY LATE]`: called by systemd at boot and at `systemctl daemon-reload`; writes units for
// the repositories of the configuration into the directory NORMAL (fs/fuse/mount_units.h). What it complains about
// stands in the journal. See systemd.generator(7).
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "fs/base/file.h"
#include "fs/fuse/mount_units.h"

namespace granary {
namespace {

// Units that are there already, from fstab for instance, stay.
Status write_unit(const std::string& directory, const MountUnit& unit) {
  const std::string path = directory + "/" + unit.name;
  if (exists(path)) return Error{Code::kConflict, path + " is there already, from /etc/fstab perhaps: it stays"};
  TRY(replace_file(path, unit.text, 0644, Durability::kFast));
  if (!unit.is_wanted) return Done{};
  const std::string wants = directory + "/remote-fs.target.wants";
  TRY(make_directories(wants));
  const std::string link = wants + "/" + unit.name;
  if (::symlink(("../" + unit.name).c_str(), link.c_str()) != 0 && errno != EEXIST)
    return system_error(errno, "cannot make " + link);
  return Done{};
}

int generate(const std::string& directory) {
  const std::string place = Configuration::default_place();
  const auto units = mount_units(Configuration::load(place), place == Configuration::kDefaultPlace ? "" : place);
  std::vector<std::string> complaints = units.problems;
  for (const MountUnit& unit : units.units) {
    if (const auto written = write_unit(directory, unit); !written) complaints.push_back(written.error().message);
  }
  for (const std::string& complaint : complaints) std::fprintf(stderr, "granary-generator: %s\n", complaint.c_str());
  return complaints.empty() ? 0 : 1;
}

}  // namespace
}  // namespace granary

int main(int argc, char** argv) {
  if (argc < 2 || argv[1][0] != '/') {
    std::fputs("usage: granary-generator NORMAL-DIRECTORY [EARLY-DIRECTORY LATE-DIRECTORY]; see systemd.generator(7)\n",
               stderr);
    return 2;
  }
  ::umask(022);
  return granary::generate(argv[1]);
}
