#include "fs/client/mount_control.h"

#include <gtest/gtest.h>

namespace granary {
namespace {

TEST(MountControl, TheLongestWordsThatBeginAQuestionAnswerIt) {
  MountControl control;
  control.add("profile", [](const std::string& rest) -> Result<std::string> { return "profile, " + rest; });
  control.add("profile start", [](const std::string& rest) -> Result<std::string> { return "start, " + rest; });
  EXPECT_EQ(*control.answer("profile start"), "start, ");
  EXPECT_EQ(*control.answer("profile start now, please"), "start, now, please");
  EXPECT_EQ(*control.answer("profile /a  path/with words"), "profile, /a  path/with words");
}

TEST(MountControl, WhatNobodyAnswersIsRefused) {
  MountControl control;
  control.add("stat", [](const std::string&) -> Result<std::string> { return std::string("fine"); });
  for (const char* question : {"", " ", "sta", "stats", "what is it", " stat"}) {
    const auto answer = control.answer(question);
    ASSERT_FALSE(answer) << question;
    EXPECT_EQ(answer.error().code, Code::kInvalid) << question;
  }
}

}  // namespace
}  // namespace granary
