#include "fs/base/program.h"

#include <gtest/gtest.h>
#include <signal.h>

#include <filesystem>

#include "fs/base/file.h"

namespace granary {
namespace {

Program capturing(std::vector<std::string> words) {
  Program program;
  program.words = std::move(words);
  program.output = Program::Stream::kCapture;
  program.errors = Program::Stream::kCapture;
  return program;
}

Program script(const std::string& text) { return capturing({"sh", "-c", text}); }

TEST(Program, HandsOverItsInputAndKeepsWhatItSays) {
  Program cat = capturing({"cat"});
  cat.input = Bytes(3 << 20, 'x') + std::string("end\0", 4);
  const auto end = run_program(cat);
  ASSERT_TRUE(end) << end.error().message;
  EXPECT_EQ(end->status, 0);
  EXPECT_EQ(end->output, *cat.input);
}

TEST(Program, AProgramThatReadsNothingDoesNotHoldUsUp) {
  Program deaf = capturing({"true"});
  deaf.input = Bytes(8 << 20, 'x');
  EXPECT_TRUE(run_program(deaf)->ok());
}

TEST(Program, TellsStatusesAndSignalsApart) {
  EXPECT_EQ(run_program(script("exit 7"))->status, 7);
  EXPECT_EQ(run_program(script("kill -9 $$"))->status, 128 + 9);
}

TEST(Program, KeepsOutputAndErrorsApart) {
  const auto end = run_program(script("echo said; echo complained >&2"));
  EXPECT_EQ(end->output, "said\n");
  EXPECT_EQ(end->errors, "complained\n");
}

TEST(Program, TheEnvironmentIsTheOneGivenAndNothingElse) {
  Program env = capturing({"env"});
  env.environment = {"A=1", "B=two words"};
  EXPECT_EQ(run_program(env)->output, "A=1\nB=two words\n");
}

TEST(Program, WorksWhereItIsTold) {
  const auto directory = TemporaryDirectory::make();
  Program pwd = capturing({"pwd", "-P"});
  pwd.directory = directory->path();
  EXPECT_EQ(run_program(pwd)->output, std::filesystem::canonical(directory->path()).string() + "\n");
}

TEST(Program, AMissingProgramIsNotFoundAndNamed) {
  const auto end = run_program(capturing({"no-such-program-here"}));
  ASSERT_FALSE(end);
  EXPECT_EQ(end.error().code, Code::kNotFound);
  EXPECT_NE(end.error().message.find("no-such-program-here"), std::string::npos);
}

TEST(Program, EndlessOutputIsStopped) {
  Program yes = capturing({"yes"});
  yes.output_limit_bytes = 100'000;
  EXPECT_EQ(run_program(yes).error().code, Code::kEndlessData);
}

TEST(Program, OfManyErrorsTheEndIsKept) {
  Program loud = script("i=0; while [ $i -lt 2000 ]; do echo line $i >&2; i=$((i+1)); done");
  loud.errors_limit_bytes = 100;
  const auto end = run_program(loud);
  EXPECT_EQ(end->errors.size(), 100u);
  EXPECT_EQ(end->errors.substr(90), "line 1999\n");
}

TEST(Program, OneThatTakesTooLongIsStopped) {
  Program slow = capturing({"sleep", "1000"});
  slow.timeout = std::chrono::milliseconds(50);
  const auto end = run_program(slow);
  ASSERT_FALSE(end);
  EXPECT_EQ(end.error().code, Code::kUnavailable);
}

TEST(Program, WhatIsLeftInTheBackgroundIsNotWaitedFor) {
  const auto end = run_program(script("sleep 1000 & echo $!"));
  ASSERT_TRUE(end && end->ok());
  EXPECT_EQ(::kill(std::stoi(end->output), SIGKILL), 0);
}

TEST(Program, OneThatMustSucceedSaysWhyItDidNot) {
  const auto end = run_program_well(script("echo no good >&2; exit 3"));
  ASSERT_FALSE(end);
  EXPECT_NE(end.error().message.find("status 3: no good"), std::string::npos) << end.error().message;
}

}  // namespace
}  // namespace granary
