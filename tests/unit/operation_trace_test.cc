#include "fs/client/operation_trace.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <thread>

#include "fs/base/file.h"

namespace granary {
namespace {

constexpr size_t kMostFileBytes = size_t{64} << 20;

TracedOperation looked_up(uint64_t inode, const std::string& name) {
  TracedOperation operation;
  operation.time_ns = 1'700'000'000'000'000'000;
  operation.duration_ns = 1500;
  operation.inode = inode;
  operation.result = -2;
  operation.thread = 77;
  operation.operation = Operation::kLookup;
  operation.wait = OperationMetrics::Wait::kMiss;
  operation.name = name;
  return operation;
}

TEST(OperationTrace, WhatWasRecordedIsReadBack) {
  const auto directory = *TemporaryDirectory::make();
  const std::string file = directory.path() + "/" + OperationTrace::file_name("/mnt/a");
  OperationTrace trace("/mnt/a");
  trace.record_into(*OperationTrace::make_file(directory.path(), "/mnt/a"));
  trace.record(looked_up(1, "before"));  // off
  ASSERT_TRUE(trace.start());
  trace.record(looked_up(2, "passwd"));
  trace.record(looked_up(3, std::string(100, 'x') + "end"));
  trace.stop();
  trace.record(looked_up(4, "after"));

  struct stat info {};
  ASSERT_EQ(::stat(file.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600U);
  const auto read = TraceFile::parse(*read_file(file, kMostFileBytes));
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->mount_point, "/mnt/a");
  ASSERT_EQ(read->operations.size(), 2U);
  const TracedOperation& first = read->operations[0];
  EXPECT_EQ(first.name, "passwd");
  EXPECT_EQ(first.inode, 2U);
  EXPECT_EQ(first.result, -2);
  EXPECT_EQ(first.thread, 77U);
  EXPECT_EQ(first.duration_ns, 1500U);
  EXPECT_EQ(first.wait, OperationMetrics::Wait::kMiss);
  EXPECT_EQ(read->operations[1].name, std::string(TracedOperation::kMostNameBytes - 3, 'x') + "end");
}

TEST(OperationTrace, TheRingKeepsTheNewest) {
  const auto directory = *TemporaryDirectory::make();
  const std::string file = directory.path() + "/" + OperationTrace::file_name("/mnt");
  OperationTrace trace("/mnt");
  trace.record_into(*OperationTrace::make_file(directory.path(), "/mnt"));
  ASSERT_TRUE(trace.start());
  std::vector<std::thread> threads;
  for (uint64_t thread = 0; thread < 4; ++thread) {
    threads.emplace_back([&] {
      for (uint64_t i = 0; i < OperationTrace::kCapacity / 2; ++i) trace.record(looked_up(i, "n"));
    });
  }
  for (std::thread& thread : threads) thread.join();
  const auto read = TraceFile::parse(*read_file(file, kMostFileBytes));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->begun, OperationTrace::kCapacity * 2);
  // A thread that slept for a whole lap leaves one record out.
  EXPECT_GE(read->operations.size(), OperationTrace::kCapacity - 3);
  EXPECT_GE(read->operations.back().number, OperationTrace::kCapacity * 2 - 4);
}

TEST(OperationTrace, ARecordThatIsTornIsLeftOutAndOtherFilesAreRefused) {
  const auto directory = *TemporaryDirectory::make();
  const std::string file = directory.path() + "/" + OperationTrace::file_name("/mnt");
  OperationTrace trace("/mnt");
  trace.record_into(*OperationTrace::make_file(directory.path(), "/mnt"));
  ASSERT_TRUE(trace.start());
  for (uint64_t i = 0; i < 3; ++i) trace.record(looked_up(i, "n"));
  Bytes bytes = *read_file(file, kMostFileBytes);
  bytes[OperationTrace::kHeaderBytes + OperationTrace::kRecordBytes] = 0;  // the second is being written
  const auto read = TraceFile::parse(bytes);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->operations.size(), 2U);

  EXPECT_FALSE(TraceFile::parse(""));
  EXPECT_FALSE(TraceFile::parse(ByteView(bytes).substr(0, OperationTrace::kHeaderBytes)));
  bytes[0] = 'X';
  EXPECT_EQ(TraceFile::parse(bytes).error().code, Code::kCorrupt);
}

TEST(OperationTrace, AnotherWorkerKeepsWhatTheLastOneTraced) {
  const auto directory = *TemporaryDirectory::make();
  const std::string file = directory.path() + "/" + OperationTrace::file_name("/mnt");
  for (const uint64_t inode : {7, 8}) {
    OperationTrace trace("/mnt");
    trace.record_into(*OperationTrace::make_file(directory.path(), "/mnt"));
    ASSERT_TRUE(trace.start());
    trace.record(looked_up(inode, "n"));
  }
  EXPECT_EQ(TraceFile::parse(*read_file(file + ".old", kMostFileBytes))->operations.at(0).inode, 7U);
  EXPECT_EQ(TraceFile::parse(*read_file(file, kMostFileBytes))->operations.at(0).inode, 8U);
}

TEST(OperationTrace, AFileThatWasNeverUsedGoes) {
  const auto directory = *TemporaryDirectory::make();
  const std::string file = directory.path() + "/" + OperationTrace::file_name("/mnt");
  OperationTrace trace("/mnt");
  EXPECT_EQ(trace.start().error().code, Code::kUnsupported);
  trace.record_into(*OperationTrace::make_file(directory.path(), "/mnt"));
  EXPECT_TRUE(exists(file));
  OperationTrace::forget_unused_file(directory.path(), "/mnt");
  EXPECT_FALSE(exists(file));
  trace.record_into(*OperationTrace::make_file(directory.path(), "/mnt"));
  ASSERT_TRUE(trace.start());
  OperationTrace::forget_unused_file(directory.path(), "/mnt");
  EXPECT_TRUE(exists(file));
}

}  // namespace
}  // namespace granary
