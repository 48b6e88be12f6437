// Repositories that the second writer made (tests/independent/cases.py), each with one oddity: the library takes the
// good ones and refuses the others, wherever it is that the oddity lies.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "fs/base/file.h"
#include "fs/base/time.h"
#include "fs/format/catalog.h"
#include "fs/format/snapshot.h"
#include "fs/format/trust.h"
#include "fs/store/dir_store.h"

namespace granary {
namespace {

namespace files = std::filesystem;

// One temporary directory for all tests, made by the second writer.
class ForeignRepositories : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    std::string name = (files::temp_directory_path() / "granary-foreign.XXXXXX").string();
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    top_ = name;
    const std::string command =
        "PYTHONDONTWRITEBYTECODE=1 " GRANARY_PYTHON " " GRANARY_SOURCE_DIR "/tests/independent/cases.py " + name;
    ASSERT_EQ(std::system(command.c_str()), 0);
  }
  static void TearDownTestSuite() { files::remove_all(top_); }

  static files::path top_;
};
files::path ForeignRepositories::top_;

Status read_contents(Catalog& catalog, ObjectReader& objects) {
  std::vector<Slice> slices;
  TRY(catalog.scan([&](Entry&& entry) {
    slices.insert(slices.end(), entry.slices.begin(), entry.slices.end());
    return true;
  }));
  for (const Slice& slice : slices) {
    if (!slice.is_hole()) TRY(objects.read(slice.object));
  }
  return Done{};
}

// All that can be verified of the branch main.
Status verify_everything(const files::path& place, TrustPolicy::Freshness freshness) {
  const TrustFile trust = TRY(TrustFile::load(place / "trust.json"));
  const Bytes bundle = TRY(read_file(place / "repo/head.json", kMaxHeadBytes));
  Seen seen;
  const VerifiedHead head = TRY(verify_head(bundle, trust, {freshness, Clock::system().now()}, seen));
  const VerifiedRelease release = TRY(head.resolve_branch("main", seen));

  DirStore store(place / "repo");
  StoreReader objects(store);
  TRY(objects.read(head.record().names));
  const SharedBytes document = TRY(objects.read(release.snapshot));
  const Snapshot snapshot = TRY(Snapshot::parse(*document));
  if (snapshot.repository != trust.repository || snapshot.tree != release.tree || snapshot.catalog != release.catalog) {
    return Error{Code::kMixAndMatch, "snapshot and statement differ"};
  }
  const auto catalog = TRY(Catalog::open(release.catalog, objects));
  std::string faults;
  const Digest tree = TRY(check_catalog(
      *catalog, objects, [&](const Bytes& path, const std::string& what) { faults += path + ": " + what + "\n"; }));
  if (tree != release.tree) faults += "tree digest\n";
  if (!faults.empty()) return Error{Code::kCorrupt, faults};
  for (const PathConstraint& constraint : release.constraints) {
    const auto base = TRY(Catalog::open(constraint.base_catalog, objects));
    if (!TRY(changed_only_below(*base, *catalog, constraint.allowed)))
      return Error{Code::kUntrusted, "changed elsewhere"};
  }
  return read_contents(*catalog, objects);
}

TEST_F(ForeignRepositories, GoodOnesAreReadAndBadOnesRefused) {
  std::ifstream list(top_ / "cases.txt");
  int good = 0;
  int bad = 0;
  for (std::string line; std::getline(list, line);) {
    std::istringstream words(line);
    std::string name, verdict, option;
    words >> name >> verdict >> option;
    if (verdict == "record") continue;  // nobody but `granary check` looks there
    const auto freshness = option == "--archive" ? TrustPolicy::Freshness::kArchive : TrustPolicy::Freshness::kRequired;
    const Status read = verify_everything(top_ / name, freshness);
    EXPECT_EQ(read.has_value(), verdict == "good") << name << (read ? "" : ": " + read.error().message);
    (verdict == "good" ? good : bad)++;
  }
  EXPECT_GE(good, 10);
  EXPECT_GE(bad, 100);
}

}  // namespace
}  // namespace granary
