#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fs/base/file.h"
#include "initramfs/pin.h"

namespace granary {
namespace {

using testing::HasSubstr;
using What = BootChoice::What;

const std::string kOld(64, 'a'), kNew(64, 'b'), kOther(64, 'c');
const std::string kMain = "5f0c branch main";

BootPin pinned_to_old() {
  BootPin pin;
  note_first(pin, kMain, kOld);
  return pin;
}

TEST(BootPin, TheFirstStartTakesTheNewestAndPinsIt) {
  BootPin pin;
  EXPECT_EQ(choose_snapshot(pin, kMain).what, What::kNewest);
  note_first(pin, kMain, kOld);

  const BootChoice next = choose_snapshot(pin, kMain);
  EXPECT_EQ(next.what, What::kPinned);
  EXPECT_EQ(next.snapshot, kOld);
  EXPECT_EQ(next.remark, "");
}

TEST(BootPin, AskingForSomethingElsePinsAnewAndRemembersTheOldOne) {
  BootPin pin = pinned_to_old();
  const BootChoice choice = choose_snapshot(pin, "5f0c tag v2");
  EXPECT_EQ(choice.what, What::kNewest);
  EXPECT_THAT(choice.remark, HasSubstr("5f0c tag v2"));
  note_first(pin, "5f0c tag v2", kNew);
  EXPECT_EQ(pin.pinned, kNew);
  EXPECT_EQ(pin.previous, kOld);
}

TEST(BootPin, AnUpdateIsTriedOnceAndPinnedAtTheMark) {
  BootPin pin = pinned_to_old();
  ASSERT_TRUE(note_update(pin, kNew));
  const BootChoice trial = choose_snapshot(pin, kMain);
  EXPECT_EQ(trial.what, What::kTrial);
  EXPECT_EQ(trial.snapshot, kNew);
  EXPECT_EQ(pin.tries_left, 0u);

  EXPECT_TRUE(note_complete(pin, kNew));
  EXPECT_EQ(pin.pinned, kNew);
  EXPECT_EQ(pin.previous, kOld);
  EXPECT_EQ(choose_snapshot(pin, kMain).snapshot, kNew);
  EXPECT_FALSE(note_complete(pin, kNew));
}

TEST(BootPin, ATrialThatDidNotReachTheMarkIsLeftAtTheNextStart) {
  BootPin pin = pinned_to_old();
  ASSERT_TRUE(note_update(pin, kNew));
  choose_snapshot(pin, kMain);  // the trial, which hangs

  const BootChoice back = choose_snapshot(pin, kMain);
  EXPECT_EQ(back.what, What::kPinned);
  EXPECT_EQ(back.snapshot, kOld);
  EXPECT_THAT(back.remark, HasSubstr("failed: back to aaaaaaaaaaaa"));
  EXPECT_EQ(pin.failed, kNew);
  EXPECT_THAT(pin.last_failure, HasSubstr("mark"));
  EXPECT_EQ(choose_snapshot(pin, kMain).snapshot, kOld);
}

TEST(BootPin, TheOldSnapshotReachingTheMarkDoesNotConfirmTheTrial) {
  BootPin pin = pinned_to_old();
  ASSERT_TRUE(note_update(pin, kNew));
  EXPECT_FALSE(note_complete(pin, kOld));
  EXPECT_EQ(pin.trial, kNew);
}

TEST(BootPin, ARollbackIsAnUpdateToThePreviousOne) {
  BootPin pin = pinned_to_old();
  ASSERT_TRUE(note_update(pin, kNew));
  choose_snapshot(pin, kMain);
  note_complete(pin, kNew);

  EXPECT_EQ(*note_rollback(pin), kOld);
  EXPECT_EQ(choose_snapshot(pin, kMain).snapshot, kOld);
  EXPECT_TRUE(note_complete(pin, kOld));
  EXPECT_EQ(pin.pinned, kOld);
  EXPECT_EQ(pin.previous, kNew);
}

TEST(BootPin, ARollbackBeforeTheTrialTakesTheUpdateBack) {
  BootPin pin = pinned_to_old();
  ASSERT_TRUE(note_update(pin, kNew));
  EXPECT_EQ(*note_rollback(pin), kOld);
  EXPECT_EQ(pin, pinned_to_old());
}

TEST(BootPin, WithoutAPreviousOneThereIsNoRollback) {
  BootPin pin = pinned_to_old();
  EXPECT_EQ(note_rollback(pin).error().code, Code::kNotFound);
}

TEST(BootPin, UpdatingToWhatIsPinnedIsRefused) {
  BootPin pin = pinned_to_old();
  EXPECT_EQ(note_update(pin, kOld).error().code, Code::kInvalid);
}

TEST(BootPin, ALaterUpdateReplacesOneThatWasNotTriedYet) {
  BootPin pin = pinned_to_old();
  ASSERT_TRUE(note_update(pin, kNew));
  ASSERT_TRUE(note_update(pin, kOther));
  EXPECT_EQ(choose_snapshot(pin, kMain).snapshot, kOther);
}

class BootPinFile : public testing::Test {
 protected:
  void damage(const std::string& name, const Bytes& bytes) {
    ASSERT_TRUE(replace_file(folder() + "/" + name, bytes, 0600, Durability::kFast));
  }
  const std::string& folder() const { return directory_.path(); }

  TemporaryDirectory directory_ = *TemporaryDirectory::make();
};

TEST_F(BootPinFile, IsReadAsItWasWritten) {
  BootPin pin = pinned_to_old();
  ASSERT_TRUE(note_update(pin, kNew));
  pin.last_failure = "\"quoted\"\n\x01";
  ASSERT_TRUE(store_pin(folder(), pin));
  EXPECT_EQ(*load_pin(folder()), pin);
}

TEST_F(BootPinFile, IsEmptyWhereThereIsNone) { EXPECT_EQ(*load_pin(folder()), BootPin()); }

TEST_F(BootPinFile, HasACopyForWhenItIsDamaged) {
  ASSERT_TRUE(store_pin(folder(), pinned_to_old()));
  for (const char* bytes : {"", "{", "[]", "{\"pinned\": 3}", "\xff\xff"}) {
    damage("pin.json", bytes);
    EXPECT_EQ(*load_pin(folder()), pinned_to_old()) << bytes;
  }
  damage("pin.copy.json", "");
  EXPECT_EQ(load_pin(folder()).error().code, Code::kCorrupt);
}

TEST_F(BootPinFile, RefusesIdsThatAreNone) {
  BootPin pin = pinned_to_old();
  pin.pinned = "../../etc";
  EXPECT_FALSE(parse_pin(serialise(pin)));
}

}  // namespace
}  // namespace granary
