#include "initramfs/steps.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "fs/base/file.h"
#include "initramfs/guest/guest.h"
#include "initramfs/lasting_root.h"
#include "initramfs/machine.h"
#include "initramfs/mounts.h"
#include "initramfs/switch_root.h"
#include "initramfs/trusted_time.h"

namespace granary {
namespace {

using std::chrono::seconds;
using testing::ElementsAre;
using testing::HasSubstr;

TEST(BootSteps, WhatTimeMayHealIsWorthARebootAndTheRestIsNot) {
  const Settings settings;
  EXPECT_EQ(action_after(settings, Code::kUnavailable, 1), "reboot");
  for (const Code code :
       {Code::kUntrusted, Code::kBadTrustFile, Code::kWrongRepository, Code::kInvalid, Code::kRollback})
    EXPECT_EQ(action_after(settings, code, 1), "poweroff") << name_of(code);
}

TEST(BootSteps, RebootsDoNotGoOnForEver) {
  EXPECT_EQ(action_after({}, Code::kUnavailable, kMaxFailures - 1), "reboot");
  EXPECT_EQ(action_after({}, Code::kUnavailable, kMaxFailures), "poweroff");
}

TEST(BootSteps, TheSettingsDecideWhatElseHappens) {
  Settings settings;
  settings.on_failure = "halt";
  EXPECT_EQ(action_after(settings, Code::kUnavailable, 1), "halt");
  EXPECT_EQ(action_after(settings, Code::kUntrusted, 9), "halt");
}

TEST(BootSteps, PausesGrowAndStayBounded) {
  EXPECT_EQ(pause_before(0), seconds(0));
  EXPECT_EQ(pause_before(1), seconds(1));
  EXPECT_EQ(pause_before(3), seconds(4));
  EXPECT_EQ(pause_before(100), seconds(15));
}

TEST(BootSteps, AStepThatCannotPassIsTriedOnce) {
  BootLog log;
  int tried = 0;
  const auto broken = [&]() -> Result<std::string> {
    ++tried;
    return Error{Code::kInvalid, "broken"};
  };
  EXPECT_FALSE(insist(log, {}, "network", broken));
  EXPECT_EQ(tried, 1);
}

TEST(BootSteps, AStepThatMayPassIsTriedAgain) {
  BootLog log;
  Settings settings;
  settings.retries = 1;
  int tried = 0;
  const auto late = [&]() -> Result<std::string> {
    if (++tried == 1) return Error{Code::kUnavailable, "not yet"};
    return std::string("now");
  };
  EXPECT_EQ(*insist(log, settings, "network", late), "now");
  EXPECT_EQ(tried, 2);
}

TEST(BootLogFile, HasWhatWasSaidBeforeThereWasAPlaceForIt) {
  const TemporaryDirectory directory = *TemporaryDirectory::make();
  BootLog log;
  log.failed("network", "no\x1b[2J carrier");
  log.keep_in(directory.path() + "/boot.log");
  log.note("later");
  const Bytes text = *read_file(directory.path() + "/boot.log", 4096);
  EXPECT_EQ(text, "granary: FAILED network: no\\x1b[2J carrier\ngranary: later\n");
}

class LastingRoot : public testing::Test {
 protected:
  std::string at(const std::string& path) const { return directory_.path() + path; }
  void write(const std::string& path, mode_t mode = 0644) {
    ASSERT_TRUE(make_directories(at(path).substr(0, at(path).rfind('/'))));
    ASSERT_TRUE(replace_file(at(path), path, mode, Durability::kFast));
  }
  TemporaryDirectory directory_ = *TemporaryDirectory::make();
};

TEST_F(LastingRoot, GetsAllProgramsAndFilesButDriversAndLeavesLinksBehind) {
  write("/initramfs/bin/granary-init", 0755);
  write("/initramfs/etc/granary/micro.conf");
  write("/initramfs/lib/modules/6.1/ext4.ko");
  ASSERT_EQ(::symlink("granary-init", at("/initramfs/bin/sh").c_str()), 0);
  ASSERT_TRUE(make_directories(at("/lasting")));
  ASSERT_TRUE(move_to_lasting_root(at("/initramfs"), at("/lasting")));

  struct stat status {};
  ASSERT_EQ(::stat(at("/lasting/bin/granary-init").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0755u);
  ASSERT_EQ(::lstat(at("/initramfs/bin").c_str(), &status), 0);
  EXPECT_TRUE(S_ISLNK(status.st_mode));
  EXPECT_EQ(*read_file(at("/initramfs/etc/granary/micro.conf"), 100), "/initramfs/etc/granary/micro.conf");
  EXPECT_TRUE(exists(at("/initramfs/lib/modules/6.1/ext4.ko")));
  EXPECT_FALSE(exists(at("/lasting/lib/modules")));
  for (const char* path : {"/bin/granary-guest", "/bin/granary-lease", "/shutdown", "/etc/resolv.conf", "/bin/sh"})
    EXPECT_TRUE(exists(at("/lasting") + path)) << path;
}

TEST(InsideTheLastingRoot, PathsBeginThere) {
  EXPECT_EQ(inside_lasting_root("/run/initramfs/scratch/cache"), "/scratch/cache");
  EXPECT_EQ(inside_lasting_root("/run/initramfs"), "/");
  EXPECT_EQ(inside_lasting_root("/run/initramfs-other"), "/run/initramfs-other");
}

TEST(MountInfo, IsReadWithItsEscapes) {
  const std::string text =
      "22 1 0:5 / / rw - overlay granary rw\n36 22 98:0 /a /with\\040blank\\134 rw,noatime shared:1 master:2 - ext4 "
      "/dev/vda rw\n"
      "broken line\n";
  EXPECT_THAT(parse_mount_info(text), ElementsAre(MountedAt{"/", "overlay"}, MountedAt{"/with blank\\", "ext4"}));
}

TEST_F(LastingRoot, TheOssInitIsFoundThroughLinksAndOnlyInside) {
  EXPECT_THAT(find_os_init(at("/root")).error().message, HasSubstr("no system that can be booted"));
  write("/root/usr/lib/systemd/systemd", 0755);
  ASSERT_TRUE(make_directories(at("/root/usr/sbin")));
  ASSERT_EQ(::symlink("/usr/lib/systemd/systemd", at("/root/usr/sbin/init").c_str()), 0);
  ASSERT_EQ(::symlink("usr/sbin", at("/root/sbin").c_str()), 0);
  EXPECT_EQ(*find_os_init(at("/root")), "/sbin/init");
}

TEST(MachineFacts, AreReadAsTheyWereWritten) {
  StartedMachine machine;
  machine.snapshot = std::string(64, 'a');
  machine.urls = {"http://a.example.org", "http://b.example.org"};
  machine.persistent = true;
  machine.complete_timeout_seconds = 600;
  machine.seconds_to_switch = 2.5;
  EXPECT_EQ(*parse_machine(serialise(machine)), machine);
  EXPECT_EQ(parse_machine("[]").error().code, Code::kCorrupt);
  EXPECT_EQ(*parse_machine("{\"snapshot\": 3, \"urls\": [1]}"), StartedMachine());
}

TEST(TrustedTime, TheFloorOnlyRises) {
  const TemporaryDirectory state = *TemporaryDirectory::make();
  EXPECT_EQ(time_floor("nonsense", state.path()), 0);
  const UnixSeconds built = *parse_utc("2026-11-21T08:00:00Z");
  EXPECT_EQ(time_floor("2026-11-21T08:00:00Z", state.path()), built);
  raise_time_floor(state.path(), "2026-12-01T00:00:00Z");
  raise_time_floor(state.path(), "2026-11-30T00:00:00Z");
  EXPECT_EQ(time_floor("2026-11-21T08:00:00Z", state.path()), *parse_utc("2026-12-01T00:00:00Z"));
}

TEST(GranaryGuest, RefusesWhatItDoesNotKnowAndKnowsWhereItIsNot) {
  EXPECT_EQ(run_guest({"nonsense"}), 2);
  EXPECT_EQ(run_guest({"--nonsense"}), 2);
  EXPECT_EQ(run_guest({"update"}), 2);
  EXPECT_EQ(run_guest({"--help"}), 0);
  if (exists("/run/granary-boot/machine.json")) GTEST_SKIP() << "this machine was started by a micro image";
  EXPECT_EQ(run_guest({"show"}), static_cast<int>(Code::kNotFound));
}

}  // namespace
}  // namespace granary
