#include "builder/micro/cpio.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "builder/archive/index_text.h"
#include "builder/micro/xz.h"
#include "fs/base/program.h"

namespace granary {
namespace {

using testing::HasSubstr;

Bytes sample() {
  CpioWriter cpio(1'795'000'000);
  cpio.directory("bin");
  cpio.file("bin/tool", "#!/bin/sh\n", 0755);
  cpio.symlink("init", "bin/tool");
  cpio.character_device("console", 0600, 5, 1);
  return cpio.finish();
}

TEST(Cpio, BusyboxAndTheKernelsFormReadItBack) {
  Program list;
  list.words = {"busybox", "cpio", "-tv"};
  list.environment = {"TZ=UTC", "PATH=/usr/bin:/bin"};
  list.input = sample();
  list.output = list.errors = Program::Stream::kCapture;
  const auto end = run_program(list);
  if (!end && end.error().code == Code::kNotFound) GTEST_SKIP() << "busybox is not installed";

  ASSERT_TRUE(end);
  EXPECT_EQ(end->status, 0) << end->errors;
  EXPECT_THAT(end->output, HasSubstr("drwxr-xr-x"));
  EXPECT_THAT(end->output, HasSubstr("bin/tool"));
  EXPECT_THAT(end->output, HasSubstr("init -> bin/tool"));
  EXPECT_THAT(end->output, HasSubstr("crw-------"));
}

TEST(Cpio, TheSameEntriesAreTheSameBytes) {
  EXPECT_EQ(sample(), sample());
  EXPECT_EQ(sample().size() % 4, 0U);
  EXPECT_THAT(sample(), HasSubstr("TRAILER!!!"));
}

TEST(Xz, WhatIsPackedIsWhatComesOut) {
  Bytes text;
  for (int line = 0; line < 20'000; ++line) text += "line " + std::to_string(line) + "\n";
  for (const auto effort : {XzPacker::Effort::kQuick, XzPacker::Effort::kBest}) {
    auto packer = XzPacker::begin(text.size(), effort);
    ASSERT_TRUE(packer);
    ASSERT_TRUE(packer->add(ByteView(text).substr(0, 1000)));
    ASSERT_TRUE(packer->add(ByteView(text).substr(1000)));
    const auto packed = packer->finish();

    ASSERT_TRUE(packed);
    EXPECT_LT(packed->size(), text.size() / 4);
    EXPECT_EQ((*packed)[7], 1) << "the kernel's decoder knows CRC-32 alone";
    EXPECT_EQ(*decompress(*packed, text.size()), text);
  }
}

}  // namespace
}  // namespace granary
