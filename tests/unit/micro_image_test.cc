#include "builder/micro/micro_image.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "builder/micro/disk_medium.h"
#include "builder/micro/kernel_source.h"
#include "builder/micro/ova_medium.h"
#include "fs/base/file.h"
#include "fs/base/program.h"
#include "support/test_repo.h"

namespace granary {
namespace {

using testing::EndsWith;
using testing::HasSubstr;

// What a boot loader and we look at, and bytes that no file system has by chance.
Bytes bz_image() {
  Bytes image(200'000, '\0');
  for (size_t i = 0x1000; i < image.size(); ++i) image[i] = static_cast<char>(i * 2654435761U >> 24);
  image.replace(0x202, 4, "HdrS");
  image.replace(0x20E, 2, Bytes("\x00\x03", 2));
  image.replace(0x500, 40, Bytes("6.1.0-1-test (somebody@somewhere) #1\0\0\0\0", 40));
  return image;
}

class MicroImageTest : public testing::Test {
 protected:
  void SetUp() override {
    request_.kernel.image = place("vmlinuz");
    ASSERT_TRUE(replace_file(request_.kernel.image, bz_image(), 0644, Durability::kFast));
    request_.trusts = {{"sw", repo_.trust_path()}};
    request_.settings = {{"repository", "http://repo.example.org/sw"}};
    request_.built_at = 1'795'000'000;
    initramfs_.packed = Bytes(300'000, '\0');
    for (size_t i = 0; i < initramfs_.packed.size(); ++i) initramfs_.packed[i] = static_cast<char>(i * 40503U >> 8);
  }

  std::string place(const std::string& name) const { return folder_.path() + "/" + name; }

  // Nothing when a program that makes it is not installed here.
  std::optional<Bytes> written(const std::string& format, const std::string& name = "image") {
    const Status status = write_micro_image(request_, initramfs_, format, place(name));
    if (!status && status.error().code == Code::kNotFound) {
      EXPECT_THAT(status.error().message, HasSubstr("apt-get install"));
      return std::nullopt;
    }
    EXPECT_TRUE(status) << status.error().message;
    return *read_file(place(name), 1 << 30);
  }

  const TestRepo repo_ = TestRepo::empty();
  const TemporaryDirectory folder_ = *TemporaryDirectory::make();
  MicroRequest request_;
  Initramfs initramfs_;
};

TEST_F(MicroImageTest, TheKernelSaysItsVersionAndOtherFilesAreRefused) {
  EXPECT_EQ(*kernel_version(bz_image()), "6.1.0-1-test");
  EXPECT_EQ(kernel_version(Bytes(100'000, 'x')).error().code, Code::kInvalid);
  EXPECT_EQ(kernel_version("").error().code, Code::kInvalid);
}

TEST_F(MicroImageTest, EachFormatIsTheSameBytesTwice) {
  for (const std::string& format : micro_formats()) {
    if (format == "kernel+initrd") continue;
    const auto first = written(format, "first");
    if (!first) continue;
    EXPECT_EQ(Digest::of(*first), Digest::of(*written(format, "second"))) << format;
  }
}

TEST_F(MicroImageTest, KernelAndInitramfsComeAsTheyAre) {
  ASSERT_TRUE(write_micro_image(request_, initramfs_, "kernel+initrd", place("out")));
  EXPECT_EQ(*read_file(place("out/vmlinuz"), 1 << 20), bz_image());
  EXPECT_EQ(*read_file(place("out/initrd"), 1 << 20), initramfs_.packed);
  EXPECT_EQ(*read_file(place("out/cmdline"), 1 << 20), "console=tty0 console=ttyS0,115200 panic=10\n");
}

TEST_F(MicroImageTest, ADiskHasOneActivePartitionAndSpaceBehindIt) {
  request_.disk_bytes = 64 << 20;
  const auto disk = written("raw");
  if (!disk) GTEST_SKIP();
  ASSERT_EQ(disk->size(), 64U << 20);
  EXPECT_EQ(disk->substr(510, 2), "\x55\xAA");
  EXPECT_EQ((*disk)[446], '\x80');
  ByteReader entry(ByteView(*disk).substr(454));
  EXPECT_EQ(entry.u32(), 2048U);
  EXPECT_LT(entry.u32(), 32U << 20 >> 9);
  EXPECT_NE(disk->find(bz_image()), Bytes::npos);
  request_.disk_bytes = 1 << 20;
  EXPECT_EQ(write_micro_image(request_, initramfs_, "raw", place("small")).error().code, Code::kNoSpace);
}

TEST_F(MicroImageTest, BothFileSystemsOfAnIsoHaveTheSameKernel) {
  const auto iso = written("iso");
  if (!iso) GTEST_SKIP();
  const size_t at = iso->find(bz_image());
  ASSERT_NE(at, Bytes::npos);
  EXPECT_EQ(iso->find(bz_image(), at + 1), Bytes::npos) << "it lies there once";
  Program extract;
  extract.words = {"xorriso", "-osirrox", "on", "-indev", place("image"), "-extract", "/granary", place("granary")};
  extract.output = extract.errors = Program::Stream::kCapture;
  const auto end = run_program_well(extract);
  ASSERT_TRUE(end) << end.error().message;
  EXPECT_EQ(*read_file(place("granary/vmlinuz"), 1 << 20), bz_image());
  EXPECT_EQ(*read_file(place("granary/initrd"), 1 << 20), initramfs_.packed);
}

TEST_F(MicroImageTest, AProgramForUefiHoldsItAll) {
  request_.command_line = "granary.branch=stable";
  const auto uki = written("uki");
  if (!uki) GTEST_SKIP();
  EXPECT_EQ(uki->substr(0, 2), "MZ");
  EXPECT_NE(uki->find(bz_image()), Bytes::npos);
  EXPECT_NE(uki->find(initramfs_.packed), Bytes::npos);
  EXPECT_NE(uki->find("panic=10 granary.branch=stable"), Bytes::npos);
}

TEST_F(MicroImageTest, AVhdIsWhatAzureWants) {
  const auto vhd = written("vhd");
  if (!vhd) GTEST_SKIP();
  ASSERT_GT(vhd->size(), 512U);
  EXPECT_EQ((vhd->size() - 512) % (1 << 20), 0U) << "whole mebibytes, and the footer";
  Bytes footer = vhd->substr(vhd->size() - 512);
  EXPECT_EQ(footer.substr(0, 8), "conectix");
  uint32_t sum = 0;
  for (size_t i = 0; i < footer.size(); ++i) sum += i >= 64 && i < 68 ? 0 : static_cast<uint8_t>(footer[i]);
  const Bytes stored = footer.substr(64, 4);
  uint32_t told = 0;
  for (const char byte : stored) told = told << 8 | static_cast<uint8_t>(byte);
  EXPECT_EQ(told, ~sum);
}

TEST_F(MicroImageTest, AnOvaDescribesTwoDisksFirstAndTheirDigests) {
  const auto ova = written("ova");
  if (!ova) GTEST_SKIP();
  EXPECT_EQ(ova->substr(0, 11), "granary.ovf");
  EXPECT_NE(ova->find("SHA256(granary-disk1.vmdk)= "), Bytes::npos);
  MediumContent content;
  const std::string text = ovf_text(content, "a.vmdk", 16 << 20, 1234);
  EXPECT_THAT(text, HasSubstr("ovf:href=\"a.vmdk\" ovf:id=\"boot-file\" ovf:size=\"1234\""));
  EXPECT_THAT(text, HasSubstr("ovf:/disk/scratch"));
  EXPECT_THAT(text, EndsWith("</Envelope>\n"));
}

TEST_F(MicroImageTest, WhatCannotWorkIsRefusedBeforeAnythingIsMade) {
  EXPECT_TRUE(check_request(request_));
  MicroRequest other = request_;
  other.settings = {{"repository", "/srv/sw"}};
  EXPECT_EQ(check_request(other).error().code, Code::kBadUrl);
  other = request_;
  other.trusts = {{"sw", place("vmlinuz")}};
  EXPECT_EQ(check_request(other).error().code, Code::kBadTrustFile);
  other.trusts.clear();
  EXPECT_THAT(check_request(other).error().message, HasSubstr("--trust"));
  other.trusts = {{"a", repo_.trust_path()}, {"a", repo_.trust_path()}};
  EXPECT_EQ(check_request(other).error().code, Code::kConflict);
  other.trusts = {{"../a", repo_.trust_path()}};
  EXPECT_EQ(check_request(other).error().code, Code::kInvalid);
  other = request_;
  other.settings.emplace_back("trust", "nobody");
  EXPECT_EQ(check_request(other).error().code, Code::kNotFound);
  other = request_;
  other.settings.emplace_back("hostname", "a\nb");
  EXPECT_EQ(check_request(other).error().code, Code::kInvalid);
  other = request_;
  other.command_line = std::string(3000, 'x');
  EXPECT_THAT(check_request(other).error().message, HasSubstr("--set"));
}

TEST_F(MicroImageTest, OfSeveralTrustsTheFirstHoldsUnlessToldOtherwise) {
  request_.trusts.emplace_back("other", repo_.trust_path());
  EXPECT_THAT(micro_config(request_), HasSubstr("trust = sw\n"));
  request_.settings.emplace_back("trust", "other");
  EXPECT_THAT(micro_config(request_), testing::Not(HasSubstr("trust = sw\n")));
}

TEST_F(MicroImageTest, TheKernelAlwaysRebootsAfterAPanic) {
  request_.consoles = {"ttyS1"};
  request_.command_line = "quiet";
  EXPECT_EQ(kernel_command_line(request_), "console=ttyS1 panic=10 quiet");
}

TEST_F(MicroImageTest, AnUnknownFormatNamesThoseThereAre) {
  const Status status = write_micro_image(request_, initramfs_, "floppy", place("x"));
  EXPECT_EQ(status.error().code, Code::kInvalid);
  EXPECT_THAT(status.error().message, HasSubstr("kernel+initrd"));
}

}  // namespace
}  // namespace granary
