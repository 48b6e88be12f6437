#include "initramfs/os_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fs/base/file.h"
#include "initramfs/posted_layer.h"

namespace granary {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

class OsFiles : public testing::Test {
 protected:
  OsFiles() {
    for (const char* folder : {"/root/etc/ssh", "/root/root", "/state"})
      EXPECT_TRUE(make_directories(directory_.path() + folder));
    plan_.root = directory_.path() + "/root";
    plan_.state_folder = directory_.path() + "/state";
  }
  void write(const std::string& path, const Bytes& text) {
    ASSERT_TRUE(make_directories(plan_.root + path.substr(0, path.rfind('/'))));
    ASSERT_TRUE(replace_file(plan_.root + path, text, 0644, Durability::kFast));
  }
  Bytes read(const std::string& path) { return read_file(plan_.root + path, 1 << 20).value_or("(none)"); }
  std::string prepare() {
    complaints_.clear();
    return prepare_os_files(plan_, complaints_);
  }

  TemporaryDirectory directory_ = *TemporaryDirectory::make();
  OsPlan plan_;
  std::vector<std::string> complaints_;
};

TEST_F(OsFiles, EachMachineGetsAnIdOfItsOwnAndKeepsIt) {
  write("/etc/machine-id", "uninitialized\n");
  prepare();
  const Bytes id = read("/etc/machine-id");
  EXPECT_EQ(id.size(), 33u);
  write("/etc/machine-id", "");  // a volatile layer is gone
  prepare();
  EXPECT_EQ(read("/etc/machine-id"), id);
  EXPECT_THAT(complaints_, IsEmpty());
}

TEST_F(OsFiles, TheResolverIsWrittenAndWhatPeopleWroteStays) {
  plan_.dns = {"192.0.2.53"};
  plan_.search = {"example.org"};
  write("/etc/resolv.conf", "nameserver 10.1.1.1\n");  // where the tree was cooked
  prepare();
  EXPECT_THAT(read("/etc/resolv.conf"), HasSubstr("search example.org\nnameserver 192.0.2.53\n"));
  plan_.dns = {"192.0.2.54"};
  prepare();
  EXPECT_THAT(read("/etc/resolv.conf"), HasSubstr("192.0.2.54"));
  write("/etc/resolv.conf", "nameserver 192.0.2.99\n");
  prepare();
  EXPECT_EQ(read("/etc/resolv.conf"), "nameserver 192.0.2.99\n");
}

TEST_F(OsFiles, AResolverThatIsALinkIsTheOss) {
  plan_.dns = {"192.0.2.53"};
  ASSERT_EQ(::symlink("/run/systemd/resolve/stub-resolv.conf", (plan_.root + "/etc/resolv.conf").c_str()), 0);
  prepare();
  struct stat status {};
  ASSERT_EQ(::lstat((plan_.root + "/etc/resolv.conf").c_str(), &status), 0);
  EXPECT_TRUE(S_ISLNK(status.st_mode));
}

TEST_F(OsFiles, RootsKeysAreAddedWhereNoCloudInitDoesIt) {
  plan_.ssh_keys = {"ssh-ed25519 AAAA me"};
  write("/root/.ssh/authorized_keys", "ssh-rsa BBBB you");
  prepare();
  prepare();
  EXPECT_EQ(read("/root/.ssh/authorized_keys"), "ssh-rsa BBBB you\nssh-ed25519 AAAA me\n");
  struct stat status {};
  ASSERT_EQ(::stat((plan_.root + "/root/.ssh/authorized_keys").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
}

TEST_F(OsFiles, CloudInitIsHandedTheContextInstead) {
  plan_.ssh_keys = {"ssh-ed25519 AAAA me"};
  plan_.instance_id = "i-1";
  plan_.user_data = "#cloud-config\n";
  write("/usr/bin/cloud-init", "");
  prepare();
  EXPECT_EQ(read("/var/lib/cloud/seed/nocloud/user-data"), "#cloud-config\n");
  EXPECT_THAT(read("/var/lib/cloud/seed/nocloud/meta-data"), StartsWith("instance-id: i-1\n"));
  EXPECT_EQ(read("/root/.ssh/authorized_keys"), "(none)");
}

TEST_F(OsFiles, TheNameThatCloudInitGaveIsKept) {
  char name[256] = "";
  ASSERT_EQ(::gethostname(name, sizeof name - 1), 0);
  plan_.hostname = name;  // this host's, as it is given to the kernel
  write("/usr/bin/cloud-init", "");
  write("/etc/hostname", "configured\n");
  write("/var/lib/cloud/data/previous-hostname", "configured\n");
  prepare();
  EXPECT_EQ(read("/etc/hostname"), "configured\n");
}

TEST_F(OsFiles, CloudInitDoesNotReplaceHostKeysThatWereKept) {
  write("/usr/bin/cloud-init", "");
  ASSERT_TRUE(make_directories(plan_.state_folder + "/ssh"));
  ASSERT_TRUE(replace_file(plan_.state_folder + "/ssh/ssh_host_rsa_key", "secret", 0600, Durability::kFast));
  prepare();
  EXPECT_EQ(read("/etc/cloud/cloud.cfg.d/99_granary_keys.cfg"), "(none)");
  plan_.keeps_changes = false;
  prepare();
  EXPECT_EQ(read("/etc/ssh/ssh_host_rsa_key"), "secret");
  EXPECT_EQ(read("/etc/cloud/cloud.cfg.d/99_granary_keys.cfg"), "ssh_deletekeys: false\n");
}

TEST_F(OsFiles, ALinkOfTheTreeDoesNotLeadUsOutOfIt) {
  plan_.ssh_keys = {"ssh-ed25519 AAAA me"};
  const std::string outside = directory_.path() + "/outside";
  ASSERT_TRUE(make_directories(outside));
  ASSERT_EQ(::symlink(outside.c_str(), (plan_.root + "/root/.ssh").c_str()), 0);
  prepare();
  EXPECT_FALSE(exists(outside + "/authorized_keys"));
}

TEST_F(OsFiles, HostKeysOutliveAVolatileLayer) {
  write("/etc/ssh/ssh_host_ed25519_key", "secret");
  write("/etc/ssh/ssh_host_ed25519_key.pub", "public");
  write("/etc/ssh/sshd_config", "x");
  EXPECT_EQ(keep_host_keys(plan_.root, plan_.state_folder), 2u);
  ASSERT_TRUE(remove_tree(plan_.root + "/etc/ssh"));
  ASSERT_TRUE(make_directories(plan_.root + "/etc/ssh"));
  plan_.keeps_changes = false;
  prepare();
  EXPECT_EQ(read("/etc/ssh/ssh_host_ed25519_key"), "secret");
  EXPECT_EQ(read("/etc/ssh/sshd_config"), "(none)");
}

TEST(NeutralFstab, WhatBelongsToAnotherMachineBecomesAComment) {
  const std::string text =
      "# <file system>\nUUID=1-2-3 / ext4 errors=remount-ro 0 1\n/dev/sda2 none swap sw 0 0\nLABEL=x /srv ext4 "
      "defaults\n"
      "/dev/vdz /data ext4 defaults 0 2\nnfs.example.org:/home /home nfs defaults 0 0\ntmpfs /tmp tmpfs defaults\n";
  const std::string out = neutral_fstab(text, [](const std::string& device) { return device == "/dev/vdz"; });
  EXPECT_EQ(
      out,
      "# <file system>\n# (not on this machine: Granary's micro image) UUID=1-2-3 / ext4 errors=remount-ro 0 1\n"
      "# (not on this machine: Granary's micro image) /dev/sda2 none swap sw 0 0\n"
      "# (not on this machine: Granary's micro image) LABEL=x /srv ext4 defaults\n"
      "/dev/vdz /data ext4 defaults 0 2\nnfs.example.org:/home /home nfs defaults 0 0\ntmpfs /tmp tmpfs defaults\n");
}

TEST(NeutralFstab, OneWithoutSuchEntriesIsLeftAlone) {
  EXPECT_EQ(neutral_fstab("proc /proc proc defaults 0 0\n", [](const std::string&) { return false; }), "");
}

TEST(Sysvinit, MarksACompleteStartInItsInittabOnce) {
  const std::string marked = inittab_with_mark("id:2:initdefault:");
  EXPECT_THAT(marked, HasSubstr("\ngb:2345:once:/run/initramfs/bin/granary-guest boot-complete\n"));
  EXPECT_THAT(marked, HasSubstr("\ngk::bootwait:/bin/sh -c "));
  EXPECT_EQ(inittab_with_mark(marked), "");
  EXPECT_EQ(inittab_with_mark(""), "");
}

TEST(Sysvinit, HandsOverBeforeItEndsTheMachine) {
  const std::string hooked = end_script_with_hook("#! /bin/sh\ndo_stop\n", "reboot");
  EXPECT_THAT(hooked, StartsWith("#! /bin/sh\n[ \"$1\" != stop ]"));
  EXPECT_THAT(hooked, HasSubstr("end-sysvinit reboot"));
  EXPECT_EQ(end_script_with_hook(hooked, "reboot"), "");
  EXPECT_EQ(end_script_with_hook("", "reboot"), "");
}

class PostedLayer : public testing::Test {
 protected:
  std::string at(const std::string& path) const { return directory_.path() + path; }
  void write(const std::string& path) {
    ASSERT_TRUE(make_directories(at(path).substr(0, at(path).rfind('/'))));
    ASSERT_TRUE(replace_file(at(path), "x", 0755, Durability::kFast));
  }
  TemporaryDirectory directory_ = *TemporaryDirectory::make();
};

TEST_F(PostedLayer, GivesSystemdDriversAndUnits) {
  write("/tree/usr/lib/systemd/systemd");
  write("/modules/6.1/ext4.ko");
  ASSERT_TRUE(make_directories(at("/tree/usr/sbin")));
  ASSERT_EQ(::symlink("usr/lib", at("/tree/lib").c_str()), 0);
  ASSERT_EQ(::symlink("usr/sbin", at("/tree/sbin").c_str()), 0);
  ASSERT_EQ(::symlink("/lib/systemd/systemd", at("/tree/usr/sbin/init").c_str()), 0);
  EXPECT_EQ(os_init_of(at("/tree")), OsInit::kSystemd);
  ASSERT_TRUE(post_layer(at("/tree"), at("/modules"), "6.1", at("/posted")));
  EXPECT_TRUE(exists(at("/posted/usr/lib/modules/6.1/ext4.ko")));
  EXPECT_FALSE(exists(at("/modules/6.1")));
  EXPECT_TRUE(exists(at("/posted/usr/lib/systemd/system/multi-user.target.wants/granary-boot-complete.service")));
}

TEST_F(PostedLayer, MakesHostKeysOnceAndTheLongOnesWhenTheStartIsComplete) {
  write("/tree/usr/lib/systemd/systemd");
  ASSERT_TRUE(make_directories(at("/tree/sbin")));
  ASSERT_EQ(::symlink("/usr/lib/systemd/systemd", at("/tree/sbin/init").c_str()), 0);
  ASSERT_TRUE(post_layer(at("/tree"), at("/modules"), "6.1", at("/posted")));
  const std::string units = at("/posted/usr/lib/systemd/system");
  EXPECT_THAT(read_file(units + "/granary-host-keys.service", 1 << 20).value_or(""),
              HasSubstr("\nBefore=granary-ssh-host-keys.service ssh.service "));  // the first is a cooked tree's own
  EXPECT_THAT(read_file(units + "/granary-other-host-keys.service", 1 << 20).value_or(""),
              HasSubstr("\nAfter=granary-boot-complete.service "));
  EXPECT_TRUE(exists(units + "/multi-user.target.wants/granary-other-host-keys.service"));
}

TEST_F(PostedLayer, TellsCloudInitWhatIsNotItsOwn) {
  write("/tree/usr/bin/cloud-init");
  ASSERT_TRUE(post_layer(at("/tree"), at("/modules"), "6.1", at("/posted")));
  EXPECT_THAT(read_file(at("/posted/etc/cloud/cloud.cfg.d/99_granary.cfg"), 1 << 20).value_or(""),
              HasSubstr("\nnetwork: {config: disabled}\n"));
}

TEST_F(PostedLayer, LeavesATreesOwnDriversAlone) {
  write("/tree/lib/modules/6.1/modules.dep");
  write("/tree/etc/inittab");
  write("/modules/6.1/ext4.ko");
  ASSERT_TRUE(post_layer(at("/tree"), at("/modules"), "6.1", at("/posted")));
  EXPECT_FALSE(exists(at("/posted/lib/modules")));
  EXPECT_FALSE(exists(at("/posted/usr/lib/systemd")));
}

}  // namespace
}  // namespace granary
