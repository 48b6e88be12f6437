#include "fs/fuse/request_table.h"

#include <gtest/gtest.h>
#include <sys/mman.h>

#include <set>

#include "fs/base/file.h"

namespace granary {
namespace {

class RequestTableTest : public testing::Test {
 protected:
  void SetUp() override { next_worker(); }
  // As if the one before had been killed.
  void next_worker() {
    table_ = *RequestTable::adopt(UniqueFd(::dup(memory_.get())));
    left_over_ = table_->take_over();
  }
  // What read(2) of the device does.
  uint32_t read_request(uint64_t unique, uint32_t opcode = FUSE_READ) {
    const uint32_t slot = table_->claim();
    const fuse_in_header header{sizeof header, opcode, unique, 1, 0, 0, 0, 0, 0};
    std::memcpy(table_->bytes(slot), &header, sizeof header);
    return slot;
  }
  std::vector<uint64_t> left_over() const {
    std::vector<uint64_t> out;
    for (const uint32_t slot : left_over_)
      out.push_back(request_header({table_->bytes(slot), RequestTable::kRequestBytes})->unique);
    return out;
  }

  const UniqueFd memory_ = *RequestTable::make_memory();
  std::unique_ptr<RequestTable> table_;
  std::vector<uint32_t> left_over_;
};

using Numbers = std::vector<uint64_t>;

TEST_F(RequestTableTest, WhatWasReadAndNotAnsweredIsLeftToTheNextWorkerOldestFirst) {
  for (const uint64_t unique : {8, 2, 6, 4}) table_->expect_reply(read_request(unique), unique);
  table_->claim();  // waits for a request
  table_->answered(6);
  next_worker();
  EXPECT_EQ(left_over(), (Numbers{2, 4, 8}));
}

TEST_F(RequestTableTest, WhatWasReadIsLeftThoughNobodyLivedToNoteIt) {
  read_request(2);
  next_worker();
  EXPECT_EQ(left_over(), Numbers{2});
}

TEST_F(RequestTableTest, AnInterruptionComesAfterWhatItInterrupts) {
  for (const auto& [unique, opcode] :
       {std::pair(5, FUSE_INTERRUPT), std::pair(4, FUSE_READ), std::pair(6, FUSE_LOOKUP)})
    read_request(static_cast<uint64_t>(unique), static_cast<uint32_t>(opcode));
  next_worker();
  EXPECT_EQ(left_over(), (Numbers{4, 6, 5}));
}

TEST_F(RequestTableTest, ASlotThatIsOwedAnAnswerIsNotUsedForAnotherRequest) {
  const uint32_t owed = read_request(2);
  next_worker();
  for (int i = 0; i < 100; ++i) EXPECT_NE(table_->claim(), owed);
  table_->expect_reply(owed, 2);
  table_->answered(2);
  EXPECT_EQ(table_->claim(), owed);
}

// An upgrade: the next worker gets ready beside the one that still answers.
TEST_F(RequestTableTest, WhatAWorkerDoesAfterTheNextWasStartedCounts) {
  const uint32_t answered = read_request(2);
  table_->expect_reply(answered, 2);
  const auto next = *RequestTable::adopt(UniqueFd(::dup(memory_.get())));
  table_->answered(2);
  std::vector<uint32_t> owed;
  for (const uint64_t unique : {4, 6, 8}) owed.push_back(read_request(unique));
  EXPECT_EQ(next->take_over(), owed);
  for (const uint32_t slot : owed) next->release(slot);
  std::set<uint32_t> claimed;
  for (uint32_t i = 0; i < RequestTable::kSlots; ++i) EXPECT_TRUE(claimed.insert(next->claim()).second);
}

TEST_F(RequestTableTest, WhatWasReleasedIsNotLeft) {
  for (const uint64_t unique : {2, 4}) read_request(unique);
  next_worker();
  for (const uint32_t slot : left_over_) table_->release(slot);
  next_worker();
  EXPECT_TRUE(left_over().empty());
}

TEST_F(RequestTableTest, TheFirstRequestOfTheMountIsKept) {
  EXPECT_FALSE(table_->init());
  const uint32_t slot = read_request(2, FUSE_INIT);
  table_->keep_init({table_->bytes(slot), sizeof(fuse_in_header)});
  next_worker();
  ASSERT_TRUE(table_->init());
  EXPECT_EQ(request_header(*table_->init())->opcode, uint32_t{FUSE_INIT});
}

TEST_F(RequestTableTest, TheSupervisorFindsWhatIsUnanswered) {
  for (const uint64_t unique : {2, 4, 6}) table_->expect_reply(read_request(unique), unique);
  table_->answered(4);
  const auto unanswered = RequestTable::unanswered_in(memory_.get());
  ASSERT_EQ(unanswered.size(), 2u);
  EXPECT_EQ(unanswered[0].unique, 2u);
  EXPECT_EQ(unanswered[1].unique, 6u);
}

TEST_F(RequestTableTest, ADamagedMemoryCostsRequestsAtMost) {
  for (int i = 0; i < 20; ++i) read_request(static_cast<uint64_t>(2 + 2 * i));
  Bytes noise(200000, '\0');
  uint32_t state = 1;
  for (char& c : noise) c = static_cast<char>((state = state * 1664525 + 1013904223) >> 24);
  ASSERT_TRUE(write_all_at(memory_.get(), 0, noise));
  next_worker();
  EXPECT_FALSE(table_->init());
  for (const uint32_t slot : left_over_) {
    const auto header = request_header({table_->bytes(slot), RequestTable::kRequestBytes});
    ASSERT_TRUE(header);
    EXPECT_LE(header->len, RequestTable::kRequestBytes);
  }
  for (const auto& header : RequestTable::unanswered_in(memory_.get())) EXPECT_NE(header.unique, 0u);
}

TEST_F(RequestTableTest, AnotherKindOfMemoryIsRefused) {
  EXPECT_FALSE(RequestTable::adopt(UniqueFd(::memfd_create("other", MFD_CLOEXEC))));
  EXPECT_FALSE(RequestTable::adopt(UniqueFd()));
  EXPECT_TRUE(RequestTable::unanswered_in(-1).empty());
}

}  // namespace
}  // namespace granary
