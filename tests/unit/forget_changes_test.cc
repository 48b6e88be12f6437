#include "fs/client/forget_changes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/changes.h"

namespace granary {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

// Writes down what it is told to forget, by path as far as there is one.
class Notebook : public KernelCaches {
 public:
  Status forget_name(InodeNumber directory, ByteView name) override {
    told.push_back(str("name ", directory, " ", name));
    return limit_-- > 0 ? Status(Done{}) : Error{Code::kUnavailable, "gone"};
  }
  Status forget_attributes(InodeNumber inode) override {
    told.push_back(str("attributes ", inode));
    return Done{};
  }
  Status forget_listing(InodeNumber directory) override {
    told.push_back(str("listing ", directory));
    return Done{};
  }
  void fail_after(int names) { limit_ = names; }
  std::vector<std::string> told;

 private:
  int limit_ = 1 << 30;
};

class ForgetChangesTest : public testing::Test {
 protected:
  void publish(std::vector<Change> changes) { publish(std::nullopt, std::move(changes)); }
  void then(std::vector<Change> changes) { publish(after_id_, std::move(changes)); }
  std::vector<std::string> forget() {
    Notebook notebook;
    const auto forgotten = forget_changes(*before_, *after_, notebook);
    EXPECT_TRUE(forgotten) << forgotten.error().message;
    EXPECT_EQ(forgotten->names + forgotten->attributes + forgotten->listings, notebook.told.size());
    return notebook.told;
  }
  std::string in(Catalog& catalog, const char* path) { return std::to_string(catalog.resolve(path)->inode); }
  std::string before(const char* path) { return in(*before_, path); }
  std::string after(const char* path) { return in(*after_, path); }

  CatalogWorld world_;
  std::unique_ptr<Catalog> before_, after_;

 private:
  void publish(const std::optional<CatalogId>& base, std::vector<Change> changes) {
    before_ = std::move(after_);
    after_id_ = world_.publish(base, change_set(std::move(changes))).catalog;
    after_ = world_.open(*after_id_);
  }
  std::optional<CatalogId> after_id_;
};

TEST_F(ForgetChangesTest, NothingWhenNothingDiffers) {
  publish({put_directory("d"), put_file("d/a", "1")});
  then({});
  EXPECT_THAT(forget(), IsEmpty());
}

TEST_F(ForgetChangesTest, NamesBeforeTheListingTheyAreIn) {
  publish({put_directory("d"), put_file("d/changed", "1"), put_file("d/removed", "1"), put_file("d/same", "1")});
  then({put_file("d/changed", "2"), remove_path("d/removed"), put_file("d/added", "1")});
  const std::string d = after("d");
  EXPECT_THAT(forget(),
              ElementsAre("name " + d + " added", "name " + d + " changed", "name " + d + " removed", "listing " + d));
}

TEST_F(ForgetChangesTest, AttributesAloneOfWhatKeepsItsNumber) {
  publish({put_directory("d"), put_file("d/a", "1")});
  then({keeping(with_mode(put_file("d/a", "1"), 0600), after_->resolve("d/a")->inode)});
  EXPECT_THAT(forget(), ElementsAre("attributes " + after("d/a")));
}

TEST_F(ForgetChangesTest, NothingBelowAnAddedOrARemovedDirectory) {
  publish({put_directory("old"), put_file("old/a", "1"), put_directory("old/b"), put_file("z", "1")});
  then({remove_path("old"), put_directory("new"), put_file("new/a", "1"), put_directory("new/b"), put_file("z", "2")});
  EXPECT_THAT(forget(), ElementsAre("name 1 new", "name 1 old", "name 1 z", "listing 1"));
}

TEST_F(ForgetChangesTest, TheOtherNamesOfAFileWhenOneComesOrGoes) {
  publish({grouped(put_file("a", "x"), 1), grouped(put_file("b", "x"), 1), put_directory("d"),
           grouped(put_file("d/c", "x"), 1)});
  then({remove_path("b")});
  const auto told = forget();
  EXPECT_THAT(told, testing::Contains("name 1 b"));
  const bool by_attributes = std::count(told.begin(), told.end(), "attributes " + before("a")) > 0;
  const bool by_name = std::count(told.begin(), told.end(), "name 1 a") > 0;
  EXPECT_TRUE(by_attributes || by_name);
}

TEST_F(ForgetChangesTest, AListingInsideAnotherComesFirst) {
  publish({put_directory("a"), put_directory("a/b"), put_file("a/b/x", "1"), put_file("a/z", "1")});
  then({put_file("a/b/x", "2"), put_file("a/z", "2"), put_file("zz", "1")});
  const std::string a = after("a");
  const std::string b = after("a/b");
  EXPECT_THAT(forget(), ElementsAre("name " + b + " x", "listing " + b, "name " + a + " z", "listing " + a, "name 1 zz",
                                    "listing 1"));
}

TEST_F(ForgetChangesTest, AKernelThatDoesNotListenEndsIt) {
  publish({put_file("a", "1"), put_file("b", "1")});
  then({remove_path("a"), remove_path("b")});
  Notebook notebook;
  notebook.fail_after(0);
  EXPECT_EQ(forget_changes(*before_, *after_, notebook).error().code, Code::kUnavailable);
  EXPECT_EQ(notebook.told.size(), 1U);
}

}  // namespace
}  // namespace granary
