#include "server/profiles.h"

#include <gtest/gtest.h>

#include <algorithm>

#include <filesystem>

#include "server/checker.h"
#include "server/collector.h"
#include "server/mirror.h"
#include "server/refs.h"
#include "tests/support/test_repo.h"

namespace granary {
namespace {

struct ProfilesTest : testing::Test {
  TestRepo repo = TestRepo::empty();
  // Files of several packs, and one of objects of its own.
  TestRepo::Files files{{"bin/large", random_text(1, 1 << 20)},
                        {"bin/tool", random_text(2, 100'000)},
                        {"etc/motd", "welcome\n"},
                        {"lib/one", random_text(3, 120'000)},
                        {"lib/two", random_text(4, 120'000)},
                        {"usr/three", random_text(5, 120'000)},
                        {"usr/unused", random_text(6, 120'000)}};

  Repository& repository() { return repo.repository(); }
  RepositoryState state() { return *repository().read(); }

  Trace trace(const SnapshotId& snapshot, const std::vector<std::string>& paths) {
    Trace trace;
    trace.repository = state().record.repository;
    trace.snapshot = snapshot;
    trace.time = 1'800'000'000;
    trace.touches.push_back({Touch::Kind::kDirectory, "", {}, {}});
    for (const std::string& path : paths) {
      for (const auto& [name, text] : files) {
        if (name == path) trace.touches.push_back({Touch::Kind::kFile, path, Digest::of(text), {{0, text.size()}}});
      }
    }
    return trace;
  }
  Plan plan_of(const ProfileNote& note) { return *decode_plan(**repository().objects().read(note.plan)); }
  std::vector<ObjectId> objects_of(const Published& published, const std::string& path) {
    const auto catalog = *Catalog::open(published.catalog, repository().objects());
    const Entry entry = *catalog->resolve(path);
    std::vector<ObjectId> objects;
    const auto slices = catalog->slices(entry, 0, entry.node.size_bytes);
    for (const auto& placed : *slices) objects.push_back(placed.slice.object);
    return objects;
  }
  static size_t place_of(const Plan& plan, const ObjectId& id) {
    size_t place = 0;
    while (place < plan.objects.size() && plan.objects[place].id != id) ++place;
    return place;
  }
  bool plans(const ProfileNote& note, const Published& published, const std::string& path) {
    const Plan plan = plan_of(note);
    for (const ObjectId& id : objects_of(published, path)) {
      if (place_of(plan, id) == plan.objects.size()) return false;
    }
    return true;
  }
  Result<VerifiedProfile> find(const SnapshotId& snapshot, const std::string& name) {
    const RepositoryState now = state();
    return find_profile(now.root, now.names, snapshot, name);
  }
  std::string object_path_of(const ObjectId& id) const { return repo.directory() + "/" + object_path(id); }
};

TEST_F(ProfilesTest, AttachedOnesAreFoundAndPlanWhatWasTouchedInOrder) {
  const Published published = repo.publish(files);
  const auto attached = attach_profile(repository(), published.snapshot, "boot",
                                       trace(published.snapshot, {"usr/three", "bin/large", "lib/one"}));
  ASSERT_TRUE(attached) << attached.error().message;
  EXPECT_EQ(attached->touches, 4U);
  EXPECT_EQ(attached->kept, 4U);
  EXPECT_FALSE(attached->replaced);

  const auto found = find(published.snapshot, "boot");
  ASSERT_TRUE(found) << found.error().message;
  EXPECT_EQ(found->note, attached->note);
  const Plan plan = plan_of(found->note);
  EXPECT_EQ(plan.objects.size(), found->note.objects);
  EXPECT_EQ(plan.total_bytes(), found->note.bytes);
  EXPECT_EQ(place_of(plan, published.catalog), 0U);
  const size_t three = place_of(plan, objects_of(published, "usr/three").front());
  const size_t large = place_of(plan, objects_of(published, "bin/large").front());
  const size_t one = place_of(plan, objects_of(published, "lib/one").front());
  EXPECT_LT(three, large);
  EXPECT_LT(large, one);
  EXPECT_LT(one, plan.objects.size());
  for (const PlannedObject& object : plan.objects)
    EXPECT_EQ((*repository().objects().read(object.id))->size(), object.size_bytes);
  EXPECT_EQ(*trace_of(found->note, repository().objects()),
            trace(published.snapshot, {"usr/three", "bin/large", "lib/one"}));
}

TEST_F(ProfilesTest, OnlyTheRangesThatWereReadArePlanned) {
  const Published published = repo.publish(files);
  Trace first_byte = trace(published.snapshot, {"bin/large"});
  first_byte.touches.back().ranges = {{0, 1}};
  const auto attached = attach_profile(repository(), published.snapshot, "boot", first_byte);
  const std::vector<ObjectId> all = objects_of(published, "bin/large");
  ASSERT_GT(all.size(), 1U);
  const Plan plan = plan_of(attached->note);
  EXPECT_LT(place_of(plan, all.front()), plan.objects.size());
  EXPECT_EQ(place_of(plan, all.back()), plan.objects.size());
}

TEST_F(ProfilesTest, AttachingChangesNeitherSnapshotNorTree) {
  const Published published = repo.publish(files);
  const Statement before = *state().branch("main");
  ASSERT_TRUE(attach_profile(repository(), published.snapshot, "boot", trace(published.snapshot, {"etc/motd"})));
  EXPECT_EQ(*state().branch("main"), before);
  EXPECT_EQ(*state().record.action.at("do").text(), "note");
}

TEST_F(ProfilesTest, AnotherOneOfTheSameNameReplacesTheFirst) {
  const Published published = repo.publish(files);
  ASSERT_TRUE(attach_profile(repository(), published.snapshot, "boot", trace(published.snapshot, {"etc/motd"})));
  ASSERT_TRUE(attach_profile(repository(), published.snapshot, "other", trace(published.snapshot, {"etc/motd"})));
  const auto second = attach_profile(repository(), published.snapshot, "boot", trace(published.snapshot, {"lib/one"}));
  EXPECT_TRUE(second->replaced);
  EXPECT_EQ(state().names.notes.at(published.snapshot).size(), 2U);
  EXPECT_EQ(find(published.snapshot, "boot")->note, second->note);
}

TEST_F(ProfilesTest, DetachedOnesAreGone) {
  const Published published = repo.publish(files);
  ASSERT_TRUE(attach_profile(repository(), published.snapshot, "boot", trace(published.snapshot, {"etc/motd"})));
  ASSERT_TRUE(detach_profile(repository(), published.snapshot, "boot"));
  EXPECT_EQ(find(published.snapshot, "boot").error().code, Code::kNotFound);
  EXPECT_EQ(detach_profile(repository(), published.snapshot, "boot").error().code, Code::kNotFound);
}

TEST_F(ProfilesTest, WhatDoesNotFitIsRefused) {
  const Published published = repo.publish(files);
  const Trace sound = trace(published.snapshot, {"etc/motd"});
  const auto code_of = [&](const Trace& trace, const std::string& name) {
    const auto attached = attach_profile(repository(), published.snapshot, name, trace);
    return attached ? Code{} : attached.error().code;
  };
  Trace foreign = sound;
  foreign.repository = "6f9619ff-8b86-4d01-b42d-00cf4fc964ff";
  EXPECT_EQ(code_of(foreign, "boot"), Code::kWrongRepository);
  Trace unknown = sound;
  unknown.snapshot = Digest::of("nowhere");
  EXPECT_EQ(code_of(unknown, "boot"), Code::kInvalid);
  EXPECT_EQ(code_of(sound, "no good"), Code::kInvalid);
  Trace stale = sound;
  stale.touches = {{Touch::Kind::kFile, "etc/motd", Digest::of("something else"), {{0, 1}}}};
  EXPECT_EQ(code_of(stale, "boot"), Code::kInvalid);
  EXPECT_TRUE(state().names.notes.empty());
}

TEST_F(ProfilesTest, CarriedOverTheyKeepWhatIsUnchanged) {
  const Published first = repo.publish(files);
  const Trace recorded = trace(first.snapshot, {"lib/one", "bin/tool", "usr/three"});
  ASSERT_TRUE(attach_profile(repository(), first.snapshot, "boot", recorded));
  files[1].second = random_text(7, 100'000);  // bin/tool
  const Published second = repo.publish(files);
  ASSERT_EQ(second.profiles.size(), 1U);
  EXPECT_EQ(second.profiles[0].touches, 4U);
  EXPECT_EQ(second.profiles[0].kept, 3U);

  const auto found = find(second.snapshot, "boot");
  ASSERT_TRUE(found) << found.error().message;
  EXPECT_EQ(found->note.base, first.snapshot);
  EXPECT_TRUE(plans(found->note, second, "lib/one"));
  EXPECT_TRUE(plans(found->note, second, "usr/three"));
  EXPECT_FALSE(plans(found->note, second, "bin/tool"));
  EXPECT_EQ(place_of(plan_of(found->note), second.catalog), 0U);
  EXPECT_TRUE(find(first.snapshot, "boot")) << "the old snapshot keeps its own";
}

TEST_F(ProfilesTest, TheNamesDoNotGrowWithEveryPublish) {
  const Published first = repo.publish(files);
  ASSERT_TRUE(attach_profile(repository(), first.snapshot, "boot", trace(first.snapshot, {"lib/one"})));
  std::vector<SnapshotId> line;
  for (size_t i = 0; i < kGenerationsWithCarried + 5; ++i) {
    files[2].second = str("day ", i, "\n");
    line.push_back(repo.publish(files, "main", i == 1 ? "v1" : "").snapshot);
  }
  EXPECT_TRUE(find(first.snapshot, "boot")) << "attached by hand";
  EXPECT_TRUE(find(line[1], "boot")) << "named by a tag";
  EXPECT_EQ(find(line[0], "boot").error().code, Code::kNotFound);
  EXPECT_EQ(find(line[2], "boot").error().code, Code::kNotFound);
  EXPECT_TRUE(find(line[line.size() - 2], "boot"));
  EXPECT_TRUE(find(line.back(), "boot"));
  EXPECT_EQ(state().names.notes.size(), kGenerationsWithCarried + 1 + 2);
}

TEST_F(ProfilesTest, CheckFindsPlansOfWhatIsNotThere) {
  const Published published = repo.publish(files);
  auto attached = *attach_profile(repository(), published.snapshot, "boot", trace(published.snapshot, {"lib/one"}));
  Plan plan = plan_of(attached.note);
  plan.objects.push_back({Digest::of("nowhere"), 7});
  const Bytes encoded = encode_plan(plan);
  ASSERT_TRUE(repository().store().put(Digest::of(encoded), encode_object(encoded, {})));
  attached.note.plan = Digest::of(encoded);
  attached.note.objects += 1;
  attached.note.bytes += 7;
  ASSERT_TRUE(repository().commit(
      [&](const RepositoryState&, Repository::Draft& draft) { return draft.attach(attached.note); }));
  const auto report = *check_repository({repo.directory(), {}, false, 2});
  ASSERT_EQ(report.faults.size(), 1U);
  EXPECT_NE(report.faults[0].what.find("no snapshot needs"), std::string::npos);
}

TEST_F(ProfilesTest, AFileThatMovedIsFoundByItsContent) {
  const Published first = repo.publish(files);
  ASSERT_TRUE(attach_profile(repository(), first.snapshot, "boot", trace(first.snapshot, {"usr/three"})));
  files[5].first = "opt/moved";
  const Published second = repo.publish(files);
  EXPECT_EQ(second.profiles.at(0).kept, 2U);
  EXPECT_TRUE(plans(find(second.snapshot, "boot")->note, second, "opt/moved"));
}

TEST_F(ProfilesTest, OneOfWhichNothingIsLeftIsLeftOutAndSaysSo) {
  const Published first = repo.publish(files);
  Trace recorded = trace(first.snapshot, {"lib/one"});
  recorded.touches.erase(recorded.touches.begin());  // the root is always there
  ASSERT_TRUE(attach_profile(repository(), first.snapshot, "boot", recorded));
  files.erase(files.begin() + 3);
  const Published second = repo.publish(files);
  EXPECT_FALSE(second.profiles.at(0).left_out.empty());
  EXPECT_EQ(find(second.snapshot, "boot").error().code, Code::kNotFound);
}

TEST_F(ProfilesTest, ARollbackCarriesThemBack) {
  const Published first = repo.publish(files);
  ASSERT_TRUE(attach_profile(repository(), first.snapshot, "old", trace(first.snapshot, {"lib/one"})));
  files[2].second = "good bye\n";
  const Published second = repo.publish(files);
  ASSERT_TRUE(attach_profile(repository(), second.snapshot, "new", trace(second.snapshot, {"lib/two"})));
  const auto back = roll_back(repository(), "main", first.snapshot, "");
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(find(back->snapshot, "old")->note.plan, find(first.snapshot, "old")->note.plan);
  EXPECT_TRUE(find(back->snapshot, "new"));
}

TEST_F(ProfilesTest, GarbageCollectionKeepsThemAsLongAsTheirSnapshot) {
  const Published first = repo.publish(files);
  ASSERT_TRUE(attach_profile(repository(), first.snapshot, "boot", trace(first.snapshot, {"lib/one"})));
  const ProfileNote old = find(first.snapshot, "boot")->note;
  files[2].second = "good bye\n";
  const Published second = repo.publish(files);
  const ProfileNote carried = find(second.snapshot, "boot")->note;
  CollectOptions options;
  options.directory = repo.directory();
  options.grace_seconds = 0;
  ASSERT_TRUE(collect(options));
  EXPECT_TRUE(std::filesystem::exists(object_path_of(old.plan)));

  options.keep.emplace("main", Retention{1, {}, 0});
  options.notice_seconds = -1;
  const auto collected = collect(options);
  ASSERT_TRUE(collected) << collected.error().message;
  EXPECT_FALSE(std::filesystem::exists(object_path_of(old.plan)));
  EXPECT_TRUE(std::filesystem::exists(object_path_of(carried.plan)));
  EXPECT_TRUE(std::filesystem::exists(object_path_of(carried.trace)));
  const auto report = check_repository({repo.directory(), {}, true, 2});
  EXPECT_TRUE(report->sound()) << report->faults.front().thing << " " << report->faults.front().what;
  EXPECT_EQ(report->orphans, 0U);
}

TEST_F(ProfilesTest, MirrorsHaveThemEvenWhenAttachedLater) {
  const Published published = repo.publish(files, "main", "v1");
  const std::string directory = repo.scratch() + "/mirror";
  MirrorOptions options;
  options.source = "file://" + repo.directory();
  options.destination = directory;
  options.trust = *TrustFile::load(repo.trust_path());
  options.tags = {"v1"};
  ASSERT_TRUE(mirror(options));
  ASSERT_TRUE(attach_profile(repository(), published.snapshot, "boot", trace(published.snapshot, {"lib/one"})));
  ASSERT_TRUE(mirror(options));
  const ProfileNote note = find(published.snapshot, "boot")->note;
  EXPECT_TRUE(std::filesystem::exists(directory + "/" + object_path(note.plan)));
  EXPECT_TRUE(std::filesystem::exists(directory + "/" + object_path(note.trace)));
  EXPECT_TRUE(check_repository({directory, {}, true, 2})->sound());
}

TEST_F(ProfilesTest, CheckFindsDamagedPlansAndNotesOfOtherSnapshots) {
  const Published published = repo.publish(files);
  ASSERT_TRUE(attach_profile(repository(), published.snapshot, "boot", trace(published.snapshot, {"lib/one"})));
  EXPECT_TRUE(check_repository({repo.directory(), {}, false, 2})->sound());

  files[2].second = "good bye\n";
  const Published second = repo.publish(files, "other");
  ASSERT_TRUE(repository().commit([&](const RepositoryState& now, Repository::Draft& draft) -> Status {
    draft.names.notes[second.snapshot] = now.names.notes.at(published.snapshot);
    return Done{};
  }));
  EXPECT_EQ(find(second.snapshot, "boot").error().code, Code::kMixAndMatch);
  auto report = *check_repository({repo.directory(), {}, false, 2});
  ASSERT_EQ(report.faults.size(), 1U);
  EXPECT_NE(report.faults[0].what.find("filed under"), std::string::npos);

  std::filesystem::remove(object_path_of(find(published.snapshot, "boot")->note.plan));
  report = *check_repository({repo.directory(), {}, false, 2});
  ASSERT_EQ(report.faults.size(), 2U);
  EXPECT_EQ(1, std::count_if(report.faults.begin(), report.faults.end(),
                             [](const auto& fault) { return fault.thing.find("profile boot") != std::string::npos; }));
}

// A tree of many small files of which a trace touches a few, all over the place.
struct PackedTogetherTest : ProfilesTest {
  const std::string source = repo.scratch() + "/source";
  std::vector<std::string> touched;

  void SetUp() override {
    files.clear();
    for (unsigned i = 0; i < 60; ++i) files.emplace_back(str("lib", 10 + i / 4, "/file", i), random_text(i, 20'000));
    for (const unsigned i : {55, 3, 41, 12, 30, 22, 8, 49, 17, 36}) touched.push_back(files[i].first);
    write();
  }
  void write() const {
    for (const auto& [path, text] : files) {
      ASSERT_TRUE(make_directories(source + "/" + path.substr(0, path.rfind('/'))));
      if (const auto old = read_file(source + "/" + path, 1 << 20); old && *old == text) continue;
      ASSERT_TRUE(replace_file(source + "/" + path, text, 0644, Durability::kFast));
    }
  }
  Result<Published> publish(const std::string& profile = {}, const std::optional<Trace>& trace = {}) {
    PublishOptions options;
    options.source = source;
    options.jobs = 2;
    options.profile = profile;
    options.trace = trace;
    return granary::publish(repository(), options, {});
  }
  size_t packs_of_touched(const Published& published) {
    std::set<ObjectId> packs;
    for (const std::string& path : touched) {
      for (const ObjectId& id : objects_of(published, path)) packs.insert(id);
    }
    return packs.size();
  }
  void expect_sound(const Published& published) {
    const auto catalog = *Catalog::open(published.catalog, repository().objects());
    EXPECT_EQ(*check_catalog(*catalog, repository().objects(),
                             [](const Bytes&, const std::string& what) { ADD_FAILURE() << what; }),
              published.tree);
    const auto report = check_repository({repo.directory(), {}, true, 2});
    EXPECT_TRUE(report->sound()) << report->faults.front().thing << " " << report->faults.front().what;
  }
};

TEST_F(PackedTogetherTest, WhatATraceTouchedLiesTogetherAndTheTreeIsTheSame) {
  const Published plain = *publish();
  EXPECT_GT(packs_of_touched(plain), 3U);
  const auto packed = publish("boot", trace(plain.snapshot, touched));
  ASSERT_TRUE(packed) << packed.error().message;
  EXPECT_TRUE(packed->changed);
  EXPECT_EQ(packed->tree, plain.tree);
  EXPECT_EQ(packs_of_touched(*packed), 1U);
  expect_sound(*packed);

  // In order of first touch.
  const auto catalog = *Catalog::open(packed->catalog, repository().objects());
  uint64_t last = 0;
  for (const std::string& path : touched) {
    const Entry entry = *catalog->resolve(path);
    EXPECT_EQ(entry.slices.at(0).offset_bytes, last);
    last = entry.slices.at(0).offset_bytes + entry.slices.at(0).length_bytes;
  }
  const auto found = find(packed->snapshot, "boot");
  ASSERT_TRUE(found) << found.error().message;
  EXPECT_TRUE(plans(found->note, *packed, touched.front()));

  const auto again = publish("boot");
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_FALSE(again->changed) << "they lie together already";
}

TEST_F(PackedTogetherTest, NewContentsAreToo) {
  const Published plain = *publish();
  for (auto& [path, text] : files) text = "new " + text;
  write();
  const auto packed = publish("boot", trace(plain.snapshot, touched));
  ASSERT_TRUE(packed) << packed.error().message;
  EXPECT_EQ(packs_of_touched(*packed), 1U);
  expect_sound(*packed);
  TestRepo other = TestRepo::empty();
  PublishOptions options;
  options.source = source;
  EXPECT_EQ(granary::publish(other.repository(), options, {})->tree, packed->tree);
}

TEST_F(PackedTogetherTest, ByTheBranchsProfileOrNotAtAll) {
  const Published plain = *publish();
  EXPECT_EQ(publish("boot").error().code, Code::kNotFound);
  ASSERT_TRUE(attach_profile(repository(), plain.snapshot, "boot", trace(plain.snapshot, touched)));
  const auto packed = publish("boot");
  ASSERT_TRUE(packed) << packed.error().message;
  EXPECT_EQ(packs_of_touched(*packed), 1U);
  Trace foreign = trace(plain.snapshot, touched);
  foreign.repository = "6f9619ff-8b86-4d01-b42d-00cf4fc964ff";
  EXPECT_EQ(publish("", foreign).error().code, Code::kWrongRepository);
}

TEST_F(PackedTogetherTest, AnUnchangedTreeStillGetsTheProfile) {
  const Published plain = *publish();
  const auto published = publish("boot", trace(plain.snapshot, {touched.front()}));
  ASSERT_TRUE(published) << published.error().message;
  EXPECT_FALSE(published->changed);
  EXPECT_TRUE(find(plain.snapshot, "boot"));
}

}  // namespace
}  // namespace granary
