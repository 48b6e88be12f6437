// `granary key`, `sign` and `renew`, run in-process on a repository made by `granary init`.
#include <gtest/gtest.h>

#include "fs/base/file.h"
#include "server/repository.h"
#include "server/root_editor.h"
#include "tools/command.h"

namespace granary {
namespace {

class KeyCommandTest : public testing::Test {
 protected:
  KeyCommandTest() { EXPECT_EQ(run({"init", repository_, "--name", "sw.example.org", "--keys", keys_}), 0) << err_; }

  int run(const std::vector<std::string>& args) {
    std::ostringstream out;
    std::ostringstream err;
    Io io{out, err};
    const int status = run_granary(args, io);
    out_ = out.str();
    err_ = err.str();
    return status;
  }
  RepositoryState state() { return *(*Repository::open(repository_))->read(); }
  // A branch and a tag, signed by the release key at hand.
  void publish() {
    const auto repository = *Repository::open(repository_);
    const auto committed = repository->commit([](const RepositoryState&, Repository::Draft& draft) -> Status {
      Statement statement;
      statement.name = statement.branch = "main";
      statement.snapshot = Digest::of("snapshot");
      TRY(draft.release(statement));
      statement.kind = Statement::Kind::kTag;
      statement.name = "v1";
      return draft.release(statement);
    });
    EXPECT_TRUE(committed) << committed.error().message;
  }
  // What a client makes of the head, having been given the trust file at init.
  Result<VerifiedHead> visit() {
    const TrustFile trust = *TrustFile::load(keys_ + "/sw.example.org.trust");
    return verify_head(*read_file(repository_ + "/head.json", kMaxHeadBytes), trust,
                       {TrustPolicy::Freshness::kRequired, Clock::system().now()}, seen_);
  }
  std::string new_key(const std::string& name) {
    EXPECT_EQ(run({"key", "new", top_.path() + "/" + name + ".key"}), 0) << err_;
    return top_.path() + "/" + name;
  }

  const TemporaryDirectory top_ = *TemporaryDirectory::make();
  const std::string repository_ = top_.path() + "/repository";
  const std::string keys_ = top_.path() + "/keys";
  Seen seen_;
  std::string out_;
  std::string err_;
};

TEST_F(KeyCommandTest, ListShowsWhoMaySignWhat) {
  ASSERT_EQ(run({"key", "list", repository_}), 0) << err_;
  for (const char* word : {"root 1 of sw.example.org", "root: 1 of 1", "release: 1 of 1", "timestamp: 1 of 1"})
    EXPECT_NE(out_.find(word), std::string::npos) << out_;
  ASSERT_EQ(run({"key", "list", repository_, "--json"}), 0) << err_;
  const auto json = nlohmann::json::parse(out_);
  EXPECT_EQ(json["root_version"], 1);
  EXPECT_EQ(json["roles"]["release"]["keys"].size(), 1U);
}

TEST_F(KeyCommandTest, AnAddedKeyIsInForceForClients) {
  const std::string alice = new_key("alice");
  ASSERT_EQ(run({"key", "add", repository_, "release", alice + ".pub", "--branch", "test", "--path", "/opt/alice"}), 0)
      << err_;
  EXPECT_NE(out_.find("root 2 is in force"), std::string::npos) << out_;
  const auto head = visit();
  ASSERT_TRUE(head) << head.error().message;
  const RoleKey* key = head->root().release.find(load_public_key(alice + ".pub")->id());
  ASSERT_NE(key, nullptr);
  EXPECT_EQ(key->paths, std::vector<Bytes>{"opt/alice"});
  EXPECT_EQ(head->record().root_version, 2U);
  EXPECT_TRUE(exists(repository_ + "/root/2.json"));
  EXPECT_EQ(run({"key", "add", repository_, "release", alice + ".pub"}), static_cast<int>(Code::kConflict));
}

TEST_F(KeyCommandTest, ARotatedReleaseKeySignsAnewWhatTheOldOneSaid) {
  publish();
  ASSERT_TRUE(visit());
  ASSERT_EQ(run({"key", "rotate", repository_, "release"}), 0) << err_;
  EXPECT_NE(out_.find("signed anew: branch main"), std::string::npos) << out_;
  EXPECT_NE(out_.find("signed anew: tag v1"), std::string::npos) << out_;
  EXPECT_FALSE(exists(keys_ + "/release.key"));  // retired
  const auto head = visit();
  ASSERT_TRUE(head) << head.error().message;
  EXPECT_EQ(head->resolve_branch("main", seen_)->snapshot, Digest::of("snapshot"));
  EXPECT_EQ(head->resolve_tag(state().names.serialise(), "v1", seen_)->snapshot, Digest::of("snapshot"));
  publish();  // goes on with the new key
}

TEST_F(KeyCommandTest, TimestampAndRootKeysRotateToo) {
  ASSERT_EQ(run({"key", "rotate", repository_, "timestamp"}), 0) << err_;
  ASSERT_TRUE(visit());
  ASSERT_EQ(run({"key", "rotate", repository_, "root"}), 0) << err_;
  ASSERT_TRUE(visit());
  ASSERT_EQ(run({"key", "rotate", repository_, "root"}), 0) << err_;
  const auto head = visit();
  ASSERT_TRUE(head) << head.error().message;
  EXPECT_EQ(head->root().version, 4U);
  EXPECT_EQ(head->root().root.keys.size(), 1U);
}

TEST_F(KeyCommandTest, ARevokedKeyIsGone) {
  const std::string alice = new_key("alice");
  ASSERT_EQ(run({"key", "add", repository_, "release", alice + ".pub"}), 0) << err_;
  const std::string id = load_public_key(alice + ".pub")->id().hex();
  ASSERT_EQ(run({"key", "revoke", repository_, id.substr(0, 12)}), 0) << err_;
  EXPECT_EQ(visit()->root().release.keys.size(), 1U);
  EXPECT_EQ(run({"key", "revoke", repository_, id.substr(0, 12)}), static_cast<int>(Code::kNotFound));
}

TEST_F(KeyCommandTest, TheLastKeyOfARoleStays) {
  const std::string id = state().root.release.keys.front().id.hex();
  EXPECT_EQ(run({"key", "revoke", repository_, id}), static_cast<int>(Code::kInvalid));
  EXPECT_NE(err_.find("rotate"), std::string::npos) << err_;
}

TEST_F(KeyCommandTest, WithTheRootOfflineAChangeNeedsAProposal) {
  const std::string offline = top_.path() + "/safe";
  ASSERT_EQ(::rename((keys_ + "/root").c_str(), offline.c_str()), 0);
  publish();  // publishing never needs the root
  const std::string alice = new_key("alice");
  ASSERT_EQ(run({"key", "add", repository_, "release", alice + ".pub"}), static_cast<int>(Code::kUntrusted));
  EXPECT_NE(err_.find("--proposal"), std::string::npos) << err_;

  const std::string proposal = top_.path() + "/root-2.json";
  ASSERT_EQ(run({"key", "add", repository_, "release", alice + ".pub", "--proposal", proposal}), 0) << err_;
  EXPECT_EQ(state().root.version, 1U);
  EXPECT_EQ(run({"key", "apply", repository_, proposal}), static_cast<int>(Code::kUntrusted));
  EXPECT_NE(err_.find("lacks signatures"), std::string::npos) << err_;
  ASSERT_EQ(run({"sign", proposal, "--key", offline + "/root-1.key"}), 0) << err_;
  EXPECT_NE(err_.find("root 2 of sw.example.org"), std::string::npos) << err_;  // says what is signed
  ASSERT_EQ(run({"key", "apply", repository_, proposal}), 0) << err_;
  EXPECT_EQ(visit()->root().version, 2U);
  EXPECT_EQ(run({"key", "apply", repository_, proposal}), static_cast<int>(Code::kInvalid));  // once
}

TEST_F(KeyCommandTest, SeveralKeepersSignInTurn) {
  const std::string repository = top_.path() + "/shared";
  const std::string keys = top_.path() + "/shared-keys";
  ASSERT_EQ(run({"init", repository, "--name", "sw.example.org", "--keys", keys, "--root-keys", "3", "--root-threshold",
                 "2"}),
            0)
      << err_;
  const std::string proposal = top_.path() + "/root-2.json";
  ASSERT_EQ(::rename((keys + "/root").c_str(), (top_.path() + "/safes").c_str()), 0);
  ASSERT_EQ(run({"key", "rotate", repository, "timestamp", "--proposal", proposal}), 0) << err_;
  ASSERT_EQ(run({"sign", proposal, "--key", top_.path() + "/safes/root-1.key"}), 0) << err_;
  EXPECT_EQ(run({"key", "apply", repository, proposal}), static_cast<int>(Code::kUntrusted));
  ASSERT_EQ(run({"sign", proposal, "--key", top_.path() + "/safes/root-1.key"}), 0) << err_;  // again: counts once
  EXPECT_EQ(run({"key", "apply", repository, proposal}), static_cast<int>(Code::kUntrusted));
  ASSERT_EQ(run({"sign", proposal, "--key", top_.path() + "/safes/root-3.key"}), 0) << err_;
  EXPECT_EQ(run({"key", "apply", repository, proposal}), 0) << err_;
}

TEST_F(KeyCommandTest, RenewGivesTheNewestRevisionMoreTime) {
  const Timestamp before = *Timestamp::parse(state().bundle.timestamp.payload);
  ASSERT_EQ(run({"renew", repository_, "--validity", "30d", "--json"}), 0) << err_;
  const Timestamp after = *Timestamp::parse(state().bundle.timestamp.payload);
  EXPECT_EQ(after.revision, before.revision);
  EXPECT_EQ(after.expires - after.time, 30 * 86400);
  ASSERT_EQ(run({"renew", repository_}), 0) << err_;  // goes on with 30 days
  const Timestamp again = *Timestamp::parse(state().bundle.timestamp.payload);
  EXPECT_EQ(again.expires - again.time, 30 * 86400);
  EXPECT_TRUE(visit());
  EXPECT_EQ(run({"renew", top_.path()}), static_cast<int>(Code::kNotARepository));
}

TEST_F(KeyCommandTest, WhatIsNoDocumentIsNotSigned) {
  const std::string path = top_.path() + "/letter";
  ASSERT_TRUE(replace_file(path, Envelope{"I owe you", "text/plain", {}}.serialise(), 0644, Durability::kFast));
  EXPECT_EQ(run({"sign", path, "--key", keys_ + "/release.key"}), static_cast<int>(Code::kInvalid));
  ASSERT_TRUE(replace_file(path, "I owe you", 0644, Durability::kFast));
  EXPECT_EQ(run({"sign", path, "--key", keys_ + "/release.key"}), static_cast<int>(Code::kCorrupt));
}

}  // namespace
}  // namespace granary
