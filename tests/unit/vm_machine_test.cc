#include "tools/vm/machine.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "fs/base/file.h"
#include "tools/vm/machine_request.h"

namespace granary {
namespace {

bool has_words(const std::vector<std::string>& words, const std::vector<std::string>& wanted) {
  return std::search(words.begin(), words.end(), wanted.begin(), wanted.end()) != words.end();
}

bool has_part(const std::vector<std::string>& words, const std::string& part) {
  return std::any_of(words.begin(), words.end(),
                     [&](const auto& word) { return word.find(part) != std::string::npos; });
}

Machine small_machine() {
  Machine machine;
  machine.name = "one";
  machine.kernel = "/k";
  machine.initrd = "/i";
  machine.command_line = "console=ttyS0 granary.set='a<b'";
  return machine;
}

TEST(VmMachineTest, QemuStartsTheKernelItself) {
  const auto words = qemu_words(small_machine());
  EXPECT_TRUE(has_words(words, {"-kernel", "/k"}));
  EXPECT_TRUE(has_words(words, {"-initrd", "/i"}));
  EXPECT_TRUE(has_words(words, {"-append", "console=ttyS0 granary.set='a<b'"}));
  EXPECT_TRUE(has_words(words, {"-accel", "tcg,thread=multi"}));
  EXPECT_TRUE(has_words(words, {"-m", "1024M"}));
}

TEST(VmMachineTest, ACommaInAPathIsNoOptionOfQemu) {
  Machine machine = small_machine();
  Disk disk;
  disk.path = "/tmp/a,readonly=on";
  machine.disks.push_back(disk);
  EXPECT_TRUE(has_part(qemu_words(machine), "file=/tmp/a,,readonly=on"));
}

TEST(VmMachineTest, OnlyWhatIsWrittenCanBeWritten) {
  Machine machine = small_machine();
  Disk seed;
  seed.path = "/seed";
  seed.use = Disk::Use::kSeed;
  Disk cdrom;
  cdrom.path = "/cd";
  cdrom.use = Disk::Use::kCdrom;
  machine.disks = {seed, cdrom};
  const auto words = qemu_words(machine);
  EXPECT_TRUE(has_part(words, "file=/seed,readonly=on"));
  EXPECT_TRUE(has_part(words, "file=/cd,readonly=on"));
  EXPECT_TRUE(has_part(words, "ide-cd,drive=disk1,bootindex=1"));
}

TEST(VmMachineTest, TheWayInLeadsFromLoopbackAlone) {
  Machine machine = small_machine();
  EXPECT_FALSE(has_part(qemu_words(machine), "hostfwd"));
  machine.ssh_port = 2222;
  EXPECT_TRUE(has_part(qemu_words(machine), "hostfwd=tcp:127.0.0.1:2222-:22"));
}

TEST(VmMachineTest, LibvirtIsToldTheSameInXml) {
  Machine machine = small_machine();
  machine.ssh_port = 2222;
  Disk disk;
  disk.path = "/d&1";
  disk.format = "qcow2";
  machine.disks = {disk};
  const std::string xml = libvirt_xml(machine);
  EXPECT_NE(xml.find("<domain type='qemu'"), std::string::npos);
  EXPECT_NE(xml.find("<cmdline>console=ttyS0 granary.set=&apos;a&lt;b&apos;</cmdline>"), std::string::npos);
  EXPECT_NE(xml.find("<source file='/d&amp;1'/>"), std::string::npos);
  EXPECT_NE(xml.find("hostfwd=tcp:127.0.0.1:2222-:22"), std::string::npos);
}

TEST(VmMachineTest, ADiskIsKnownByWhatItBeginsWith) {
  const auto folder = TemporaryDirectory::make();
  const auto format_of = [&](const Bytes& bytes) {
    const std::string path = folder->path() + "/disk";
    EXPECT_TRUE(replace_file(path, bytes, 0600, Durability::kFast));
    return disk_format(path).value_or("none");
  };
  EXPECT_EQ(format_of("QFI\xfb and more"), "qcow2");
  EXPECT_EQ(format_of("KDMV"), "vmdk");
  EXPECT_EQ(format_of(Bytes(1024, '\0') + "conectix" + Bytes(504, '\0')), "vpc");
  EXPECT_EQ(format_of(Bytes(1024, '\0')), "raw");
  EXPECT_EQ(format_of(""), "raw");
  EXPECT_EQ(disk_format(folder->path() + "/none").error().code, Code::kNotFound);
}

TEST(VmMachineTest, AProgramThatIsMissingNamesItsPackage) {
  const auto found = find_helper("no-such-program-here", "its-package", "do this");
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().code, Code::kNotFound);
  EXPECT_EQ(found.error().message, "cannot do this: no-such-program-here is missing: apt-get install its-package");
}

TEST(MachineRequestTest, LoopbackIsAnotherHostToTheGuest) {
  EXPECT_EQ(url_for_guest("http://127.0.0.1:8000/os"), "http://10.0.2.2:8000/os");
  EXPECT_EQ(url_for_guest("http://localhost"), "http://10.0.2.2");
  EXPECT_EQ(url_for_guest("http://[::1]:80"), "http://10.0.2.2:80");
  EXPECT_EQ(url_for_guest("https://localhost.example.org/os"), "https://localhost.example.org/os");
  EXPECT_EQ(url_for_guest(""), "");
}

TEST(MachineRequestTest, WhatIsKeptIsWhatWasAsked) {
  MachineRequest request;
  request.name = "web";
  request.repository = "/srv/os";
  request.memory_bytes = 512 << 20;
  request.ssh_port = 0;
  request.settings = {{"proxy", "DIRECT"}, {"verbose", ""}};
  request.qemu_words = {"-s"};
  const auto again = MachineRequest::parse(request.json());
  ASSERT_TRUE(again);
  EXPECT_EQ(again->json(), request.json());
  EXPECT_EQ(again->ssh_port, uint16_t{0});
  EXPECT_EQ(again->settings, request.settings);
}

TEST(MachineRequestTest, WhatWasNotKeptByUsIsRefused) {
  EXPECT_EQ(MachineRequest::parse({{"name", 5}}).error().code, Code::kCorrupt);
  EXPECT_EQ(MachineRequest::parse({{"settings", "a"}}).error().code, Code::kCorrupt);
}

}  // namespace
}  // namespace granary
