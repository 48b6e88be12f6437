#include "builder/archive/apt_sources.h"

#include <gtest/gtest.h>

#include "fs/base/file.h"

namespace granary {
namespace {

class AptSourcesTest : public testing::Test {
 protected:
  void write(const std::string& name, const std::string& text) {
    const std::string path = work_->path() + "/" + name;
    ASSERT_TRUE(make_directories(path.substr(0, path.rfind('/'))));
    ASSERT_TRUE(replace_file(path, text, 0644, Durability::kFast));
  }
  Result<ArchivePlace> find(const std::string& name, const std::string& suite) {
    const auto sources = AptSources::read(work_->path());
    if (!sources) return sources.error();
    return sources->find({name, {}, suite, {}, {}});
  }
  std::string url_of(const std::string& name, const std::string& suite) {
    const auto place = find(name, suite);
    return place ? place->urls.front() : name_of(place.error().code);
  }

  Result<TemporaryDirectory> work_ = TemporaryDirectory::make();
};

TEST_F(AptSourcesTest, BothFormsAreRead) {
  write("sources.list",
        "# comment\n"
        "deb http://deb.example.org/debian/ bookworm main contrib # and more\n"
        "deb-src http://deb.example.org/debian bookworm main\n"
        "deb [arch=amd64 signed-by=/keys/a.gpg,/keys/b.asc] file:/srv/debian trixie main\n"
        "deb cdrom:[Debian]/ bookworm main\n");
  write("sources.list.d/more.sources",
        "# comment\nTypes: deb deb-src\nURIs: http://one.example.org/debian http://two.example.org/debian\n"
        "Suites: forky\n# inside\nComponents: main\nSigned-By:\n -----BEGIN PGP PUBLIC KEY BLOCK-----\n .\n abcd\n"
        " -----END PGP PUBLIC KEY BLOCK-----\n\nTypes: deb\nEnabled: no\nURIs: http://off.example.org/\nSuites: x\n");
  const auto sources = AptSources::read(work_->path());
  ASSERT_TRUE(sources) << sources.error().message;
  ASSERT_EQ(sources->sources().size(), 3U);
  EXPECT_EQ(sources->sources()[0],
            (AptSource{"sources", {"http://deb.example.org/debian"}, {"bookworm"}, {"main", "contrib"}, {}, {}}));
  EXPECT_EQ(sources->sources()[1].urls.front(), "file:///srv/debian");
  EXPECT_EQ(sources->sources()[1].signed_by, (std::vector<std::string>{"/keys/a.gpg", "/keys/b.asc"}));
  EXPECT_EQ(sources->sources()[2].urls.size(), 2U);
  EXPECT_EQ(sources->sources()[2].keys,
            "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nabcd\n-----END PGP PUBLIC KEY BLOCK-----\n");
}

TEST_F(AptSourcesTest, AnotherSuiteIsFoundInTheSameArchive) {
  write("sources.list",
        "deb http://docker.example.org/linux/debian bookworm stable\n"
        "deb http://security.example.org bookworm-security main\n"
        "deb http://mirror.example.org/debian bookworm main\n"
        "deb http://backports.example.org/debian bookworm-backports main\n");
  EXPECT_EQ(url_of("debian", "bookworm"), "http://mirror.example.org/debian");
  EXPECT_EQ(url_of("debian", "trixie-updates"), "http://mirror.example.org/debian");
  EXPECT_EQ(url_of("debian", "bookworm-backports"), "http://backports.example.org/debian");
  EXPECT_EQ(url_of("debian-security", "trixie-security"), "http://security.example.org");
}

TEST_F(AptSourcesTest, OtherArchivesAreKnownByTheirFiles) {
  write("sources.list", "deb http://mirror.example.org/debian bookworm main\n");
  write("sources.list.d/nodes.list", "deb http://nodes.example.org/node nodistro main\n");
  EXPECT_EQ(url_of("nodes", "nodistro"), "http://nodes.example.org/node");
  const auto missing = find("cloud", "stable");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, Code::kNotFound);
  EXPECT_NE(missing.error().message.find("sources, nodes"), std::string::npos) << missing.error().message;
  EXPECT_EQ(url_of("debian-security", "bookworm-security"), "not-found");
}

TEST_F(AptSourcesTest, WithoutSignedByAllTrustedKeysCount) {
  write("sources.list", "deb http://mirror.example.org/debian bookworm main\n");
  write("trusted.gpg.d/b.asc", "");
  write("trusted.gpg.d/a.gpg", "");
  write("trusted.gpg.d/ignored.txt", "");
  EXPECT_EQ(find("debian", "bookworm")->keyring_files,
            (std::vector<std::string>{work_->path() + "/trusted.gpg.d/a.gpg", work_->path() + "/trusted.gpg.d/b.asc"}));
}

TEST_F(AptSourcesTest, WhatCannotBeReadNamesFileAndLine) {
  write("sources.list", "deb http://a.example.org bookworm main\nnonsense\n");
  const auto sources = AptSources::read(work_->path());
  ASSERT_FALSE(sources);
  EXPECT_EQ(sources.error().code, Code::kInvalid);
  EXPECT_NE(sources.error().message.find("sources.list, line 2"), std::string::npos) << sources.error().message;
}

TEST_F(AptSourcesTest, ARecipesOwnUrlNeedsNoSource) {
  const auto sources = AptSources::read(work_->path());
  ASSERT_TRUE(sources);
  const auto place = sources->find({"own", "http://own.example.org/x/", "y", {}, "\x99keys"});
  ASSERT_TRUE(place);
  EXPECT_EQ(place->urls, std::vector<std::string>{"http://own.example.org/x"});
  EXPECT_EQ(place->keys, "\x99keys");
  EXPECT_EQ(sources->find({"own", "ftp://own.example.org/x/", "y", {}, ""}).error().code, Code::kInvalid);
}

}  // namespace
}  // namespace granary
