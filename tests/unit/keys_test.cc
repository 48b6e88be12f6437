#include "server/keys.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>

#include "fs/base/file.h"
#include "fs/format/json.h"

namespace granary {
namespace {

Result<Secret> nobody_asks(const std::string& what) {
  ADD_FAILURE() << "asked for the passphrase of " << what;
  return Secret();
}
AskPassphrase saying(const std::string& text) {
  return [text](const std::string&) -> Result<Secret> { return Secret(Bytes(text)); };
}

class KeysTest : public testing::Test {
 protected:
  mode_t mode_of(const std::string& path) {
    struct stat info {};
    EXPECT_EQ(::stat(path.c_str(), &info), 0) << path;
    return info.st_mode & 0777U;
  }
  std::string write(const std::string& name, const Bytes& bytes, mode_t mode = 0600) {
    const std::string path = directory_.path() + "/" + name;
    EXPECT_TRUE(replace_file(path, bytes, mode, Durability::kFast));
    return path;
  }
  // A key command that runs `script` in a shell.
  std::string key_command(const std::string& script, const PublicKey& key) {
    JsonValue::Object out = new_document("key-command");
    out["algorithm"] = "ed25519";
    out["public"] = to_base64(key.raw());
    out["command"] = JsonValue::Array{"/bin/sh", "-c", script};
    return write("command.key", JsonValue(std::move(out)).canonical());
  }

  const TemporaryDirectory directory_ = *TemporaryDirectory::make();
  const std::string path_ = directory_.path() + "/release.key";
};

TEST_F(KeysTest, AKeySignsAfterItWasRead) {
  const PublicKey key = *create_key(path_, Secret());
  const auto signer = load_key(path_, nobody_asks);
  ASSERT_TRUE(signer) << signer.error().message;
  EXPECT_EQ((*signer)->public_key(), key);
  EXPECT_TRUE(key.verifies("message", *(*signer)->sign("message")));
  EXPECT_EQ(*load_public_key(directory_.path() + "/release.pub"), key);
}

TEST_F(KeysTest, OnlyTheOwnerCanReadAPrivateKey) {
  ASSERT_TRUE(create_key(path_, Secret()));
  EXPECT_EQ(mode_of(path_), 0600U);
  EXPECT_EQ(mode_of(directory_.path() + "/release.pub"), 0644U);
  for (const mode_t mode : {0640, 0604, 0620, 0666}) {
    ::chmod(path_.c_str(), mode);
    const auto signer = load_key(path_, nobody_asks);
    ASSERT_FALSE(signer);
    EXPECT_EQ(signer.error().code, Code::kPermission);
    EXPECT_NE(signer.error().message.find("chmod 600 " + path_), std::string::npos) << signer.error().message;
  }
}

TEST_F(KeysTest, AKeyIsNeverOverwritten) {
  ASSERT_TRUE(create_key(path_, Secret()));
  const Bytes before = *read_file(path_, 10000);
  EXPECT_EQ(create_key(path_, Secret()).error().code, Code::kConflict);
  EXPECT_EQ(*read_file(path_, 10000), before);
}

TEST_F(KeysTest, APassphraseProtectsAKey) {
  const PublicKey key = *create_key(path_, Secret("correct horse"));
  const Bytes text = *read_file(path_, 10000);
  EXPECT_EQ(text.rfind("-----BEGIN ENCRYPTED PRIVATE KEY-----", 0), 0U);
  const auto signer = load_key(path_, saying("correct horse"));
  ASSERT_TRUE(signer) << signer.error().message;
  EXPECT_EQ((*signer)->public_key(), key);
  EXPECT_EQ(load_key(path_, saying("battery staple")).error().code, Code::kInvalid);
  EXPECT_EQ(load_key(path_, saying("")).error().code, Code::kInvalid);
}

TEST_F(KeysTest, ThePassphraseComesFromAPrivateFile) {
  ASSERT_TRUE(create_key(path_, Secret("correct horse")));
  const std::string file = write("passphrase", "correct horse\n");
  ::setenv("GRANARY_PASSPHRASE_FILE", file.c_str(), 1);
  EXPECT_TRUE(load_key(path_));
  ::chmod(file.c_str(), 0644);
  EXPECT_EQ(load_key(path_).error().code, Code::kPermission);
  ::unsetenv("GRANARY_PASSPHRASE_FILE");
}

TEST_F(KeysTest, WhatIsNoKeyIsRefused) {
  for (const char* text : {"", "hello", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "{}",
                           "{\"granary\":\"trust\"}"}) {
    const std::string path = write("not.key", text);
    EXPECT_EQ(load_key(path, nobody_asks).error().code, Code::kInvalid) << text;
    EXPECT_EQ(load_public_key(path).error().code, Code::kInvalid) << text;
  }
  EXPECT_EQ(load_key(directory_.path() + "/absent.key").error().code, Code::kNotFound);
}

TEST_F(KeysTest, AKeyOfAnotherKindIsRefused) {
  const std::string path = write("x.key",
                                 "-----BEGIN PRIVATE KEY-----\n"
                                 "MC4CAQAwBQYDK2VuBCIEIHcHbQpzGKV9PBbBclGyZkXfTC+H68CZKrF3+6UduSwq\n"
                                 "-----END PRIVATE KEY-----\n");  // X25519: it agrees on keys, it does not sign
  const auto signer = load_key(path, nobody_asks);
  ASSERT_FALSE(signer);
  EXPECT_NE(signer.error().message.find("not an Ed25519 key"), std::string::npos) << signer.error().message;
}

TEST_F(KeysTest, ACommandCanSign) {
  const PublicKey key = *create_key(path_, Secret());
  const std::string path = key_command("cat > " + directory_.path() + "/in && openssl pkeyutl -sign -rawin -inkey " +
                                           path_ + " -in " + directory_.path() + "/in",
                                       key);
  const auto signer = load_key(path, nobody_asks);
  ASSERT_TRUE(signer) << signer.error().message;
  const Bytes message(300'000, 'm');  // more than a pipe or a socket holds
  const auto signature = (*signer)->sign(message);
  ASSERT_TRUE(signature) << signature.error().message;
  EXPECT_TRUE(key.verifies(message, *signature));
  EXPECT_EQ(*load_public_key(path), key);
}

TEST_F(KeysTest, ACommandsAnswerIsVerified) {
  const PublicKey key = *create_key(path_, Secret());
  const auto answer = [&](const std::string& script) {
    return (*load_key(key_command(script, key)))->sign("message").error().code;
  };
  EXPECT_EQ(answer("cat >/dev/null; head -c 64 /dev/zero"), Code::kUntrusted);
  EXPECT_EQ(answer("exit 0"), Code::kUntrusted);
  EXPECT_EQ(answer("cat >/dev/null; exit 1"), Code::kUnavailable);
  EXPECT_EQ(answer("yes 2>/dev/null"), Code::kUntrusted);  // endless
}

TEST_F(KeysTest, ACommandThatIsNotThereIsSaidSo) {
  const PublicKey key = *create_key(path_, Secret());
  JsonValue::Object out = new_document("key-command");
  out["algorithm"] = "ed25519";
  out["public"] = to_base64(key.raw());
  out["command"] = JsonValue::Array{"/nonexistent/hsm-sign"};
  const auto signer = load_key(write("command.key", JsonValue(std::move(out)).canonical()));
  ASSERT_TRUE(signer) << signer.error().message;
  EXPECT_EQ((*signer)->sign("message").error().code, Code::kUnavailable);
}

TEST_F(KeysTest, AKeyCommandThatOthersCanWriteIsRefused) {
  const PublicKey key = *create_key(path_, Secret());
  const std::string path = key_command("true", key);
  ::chmod(path.c_str(), 0622);
  EXPECT_EQ(load_key(path).error().code, Code::kPermission);
}

TEST_F(KeysTest, AKeyDirectoryIsPrivateAndMadeOnce) {
  const KeyDirectory keys(directory_.path() + "/keys");
  ASSERT_TRUE(keys.create());
  EXPECT_EQ(mode_of(keys.path()), 0700U);
  EXPECT_EQ(mode_of(keys.root_path()), 0700U);
  EXPECT_EQ(keys.load_release().error().code, Code::kNotFound);
  EXPECT_EQ(keys.load_root().error().code, Code::kNotFound);
  ASSERT_TRUE(create_key(keys.path() + "/release.key", Secret()));
  ASSERT_TRUE(create_key(keys.path() + "/release-2.key", Secret()));
  EXPECT_EQ(keys.load_release()->size(), 2U);
  EXPECT_EQ(keys.create().error().code, Code::kConflict);
}

}  // namespace
}  // namespace granary
