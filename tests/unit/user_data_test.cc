// User data as people write it: gzip, parts, sections.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include "initramfs/context/boot_section.h"
#include "initramfs/context/context.h"
#include "initramfs/context/gunzip.h"
#include "initramfs/context/mime.h"

namespace granary {
namespace {
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

Bytes gzip(ByteView bytes) {
  z_stream stream{};
  EXPECT_EQ(deflateInit2(&stream, 9, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY), Z_OK);
  Bytes out(deflateBound(&stream, bytes.size()), '\0');
  stream.next_in = const_cast<Bytef*>(reinterpret_cast<const Bytef*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

Context consumed(const Bytes& user_data) {
  Context context;
  context.source = "test";
  context.user_data = user_data;
  consume_user_data(context);
  EXPECT_EQ(context.user_data, user_data);  // the OS gets it as it came
  return context;
}

// "name=value" of each saying.
std::vector<std::string> said(const Context& context) {
  std::vector<std::string> all;
  for (const Saying& saying : context.sayings) {
    EXPECT_EQ(saying.by, SaidBy::kContext);
    EXPECT_EQ(saying.origin, "test");
    all.push_back(saying.name + "=" + saying.value);
  }
  return all;
}

TEST(UserDataTest, ASectionStandsAnywhere) {
  const auto context = consumed(
      "#!/bin/sh\necho hello\nexit\n[amiconfig]\nplugins=cernvm\n[granary]\n# which\nbranch = testing\n\n"
      "proxy=\"http://squid.example.org:3128;DIRECT\"\nverbose\n[cernvm]\nbranch=not ours\n");
  EXPECT_THAT(said(context), ElementsAre("branch=testing", "proxy=http://squid.example.org:3128;DIRECT", "verbose="));
  EXPECT_THAT(context.complaints, IsEmpty());
}

TEST(UserDataTest, CloudConfigSaysItInComments) {
  const auto context = consumed(
      "#cloud-config\n# [granary]\n# branch = testing\n#   tag = 1.0\n#\n# ; a remark\nusers: []\n# path = "
      "/x\n[granary]\n"
      "branch = other\n");
  EXPECT_THAT(said(context), ElementsAre("branch=testing", "tag=1.0"));
  EXPECT_THAT(context.complaints, IsEmpty());
}

TEST(UserDataTest, ALineThatIsNoSettingEndsTheSectionAndIsToldOf) {
  const auto context = consumed("[granary]\nbranch = a\nrm -rf /\npath = /b\n");
  EXPECT_THAT(said(context), ElementsAre("branch=a"));
  ASSERT_THAT(context.complaints, SizeIs(1));
  EXPECT_THAT(context.complaints[0], HasSubstr("\"rm -rf /\" in [granary] is not NAME = VALUE"));
}

TEST(UserDataTest, CernVmsBlockIsTranslated) {
  const auto context = consumed(
      "[ucernvm-begin]\r\nresize_rootfs=off\r\ncvmfs_http_proxy=http://p:3128;DIRECT\r\ncvmfs_tag=cernvm-system-4.5\r\n"
      "cvmfs_branch=testing\r\ncvmfs_server=http://one.example.org/os,http://two.example.org/os\r\ncernvm_path=cvm4\r\n"
      "cernvm_inject=H4sI\r\n[ucernvm-end]\r\nresize_rootfs=on\r\n");
  EXPECT_THAT(
      said(context),
      ElementsAre("resize=off", "proxy=http://p:3128;DIRECT", "tag=cernvm-system-4.5", "branch=testing",
                  "repository=http://one.example.org/os,http://two.example.org/os", "path=cvm4", "inject=H4sI"));
  EXPECT_THAT(context.complaints, IsEmpty());
}

TEST(UserDataTest, WhatOfCernVmsMeansNothingHereIsToldOf) {
  const auto context = consumed(
      "[ucernvm-begin]\ncvmfs_branch=cernvm-prod.cern.ch\ncvmfs_tag=HEAD4\ncvmfs_server=hepvm.cern.ch\ncvmfs_cdn=NONE\n"
      "cvmfs_pac_urls=http://wpad/wpad.dat\nnonsense=1\n$(reboot)\n");
  EXPECT_THAT(said(context), IsEmpty());
  EXPECT_THAT(context.complaints,
              ElementsAre(HasSubstr("cernvm-prod.cern.ch names a CernVM-FS repository"), HasSubstr("no URL"),
                          HasSubstr("cvmfs_pac_urls is not supported"), HasSubstr("no such setting"),
                          HasSubstr("not NAME=VALUE"), HasSubstr("without [ucernvm-end]")));
}

TEST(UserDataTest, GzipIsUnpacked) {
  EXPECT_THAT(said(consumed(gzip("[granary]\nbranch = packed\n"))), ElementsAre("branch=packed"));
}

TEST(UserDataTest, ABombAndDamageAreComplaints) {
  const auto bomb = consumed(gzip(Bytes(64 << 20, 'x')));
  EXPECT_THAT(bomb.complaints, ElementsAre(HasSubstr("longer than the")));
  const auto damaged = consumed(gzip("[granary]\nbranch = packed\n").substr(0, 20));
  EXPECT_THAT(damaged.complaints, ElementsAre(HasSubstr("damaged or incomplete gzip")));
  EXPECT_THAT(said(damaged), IsEmpty());
  EXPECT_EQ(gunzip(gzip("abc"), 3).value_or(""), "abc");
  EXPECT_EQ(gunzip(gzip("abcd"), 3).error().code, Code::kEndlessData);
}

constexpr const char* kParts =
    "Content-Type: multipart/mixed; boundary=\"===============123==\"\nMIME-Version: 1.0\n\npreamble\n"
    "--===============123==\nContent-Type: text/cloud-config; charset=\"utf-8\"\nMIME-Version: 1.0\n"
    "Content-Transfer-Encoding: 7bit\nContent-Disposition: attachment; filename=\"c\"\n\n#cloud-config\nusers: []\n"
    "--===============123==\nContent-Type: text/x-granary\nContent-Transfer-Encoding: base64\n\n"
    "YnJhbmNo\nID0gYmFzZTY0Cg==\n"
    "--===============123==\nContent-Type: text/plain\nContent-Transfer-Encoding: quoted-printable\n\n"
    "[granary]\npath =3D /a=\n/b\n"
    "--===============123==\nContent-Type: multipart/mixed;\n boundary=inner\n\n--inner\nContent-Type: "
    "text/x-shellscript\n\n"
    "#!/bin/sh\n# [granary]\n# tag = nested\n--inner--\n"
    "--===============123==--\nepilogue\n[granary]\nbranch = outside\n";

TEST(UserDataTest, PartsAreTakenApart) {
  EXPECT_THAT(said(consumed(kParts)), ElementsAre("branch=base64", "path=/a/b", "tag=nested"));
  EXPECT_THAT(said(consumed(gzip(kParts))), SizeIs(3));
}

TEST(MimeTest, PartsHaveTypesAndBytes) {
  std::vector<std::string> problems;
  const auto parts = parts_of(kParts, problems);
  ASSERT_THAT(parts, SizeIs(4));
  EXPECT_EQ(parts[0].type, "text/cloud-config");
  EXPECT_EQ(parts[0].bytes, "#cloud-config\nusers: []");
  EXPECT_EQ(parts[3].type, "text/x-shellscript");
  EXPECT_THAT(problems, IsEmpty());
}

TEST(MimeTest, TextsThatAreNoMessagesAreNotTakenForSome) {
  EXPECT_FALSE(is_multipart("#cloud-config\nContent-Type: multipart/mixed; boundary=a\n\n"));
  EXPECT_FALSE(is_multipart("[granary]\nbranch = x\n"));
  EXPECT_FALSE(is_multipart(""));
  EXPECT_TRUE(is_multipart("MIME-Version: 1.0\r\nContent-Type: MULTIPART/Mixed; Boundary=a\r\n\r\n--a--\r\n"));
  EXPECT_TRUE(is_multipart("From nobody Sat Nov 21 2026\nContent-Type: multipart/mixed; boundary=a\n\n"));
}

TEST(MimeTest, DamageIsToldOfAndTheRestIsRead) {
  const auto context = consumed(
      "Content-Type: multipart/mixed; boundary=a\n\n--a\nContent-Type: text/x-granary\nContent-Transfer-Encoding: "
      "base64\n\n***\n--a\n\n[granary]\nbranch = kept\n");
  EXPECT_THAT(said(context), ElementsAre("branch=kept"));
  EXPECT_THAT(context.complaints, ElementsAre(HasSubstr("damaged base64"), HasSubstr("no end")));
}

TEST(MimeTest, NestingIsBounded) {
  Bytes message = "[granary]\nbranch = deep\n";
  for (int i = 0; i < 30; ++i) {
    const std::string mark = "b" + std::to_string(i);
    message =
        "Content-Type: multipart/mixed; boundary=" + mark + "\n\n--" + mark + "\n" + message + "\n--" + mark + "--\n";
  }
  const auto context = consumed(message);
  EXPECT_THAT(said(context), IsEmpty());
  EXPECT_THAT(context.complaints, ElementsAre(HasSubstr("too deep")));
}

}  // namespace
}  // namespace granary
