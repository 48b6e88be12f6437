#include "fs/client/recorded_trace.h"

#include <gtest/gtest.h>

#include "fs/client/mount_control.h"
#include "tests/support/changes.h"
#include "tests/support/mem_cache.h"
#include "tests/support/store_transport.h"
#include "tests/support/waiting.h"

namespace granary {
namespace {

constexpr uint64_t kGranule = TouchRecorder::kGranuleBytes;
const std::string kRepository = "0f8fad5b-d9cb-469f-a165-70867728950e";

class RecordedTraceTest : public testing::Test {
 protected:
  void mount(std::vector<Change> changes) {
    const auto finished = world_.publish(std::move(changes));
    catalog_objects_ = finished.new_objects;
    std::vector<std::unique_ptr<Transport>> sources;
    sources.push_back(std::make_unique<StoreTransport>(world_.objects.store));
    FetcherOptions options;
    options.rounds = 1;
    options.failure_memory = std::chrono::milliseconds(0);
    options.failure_level = log::Level::kDebug;
    fetcher_ = std::make_unique<Fetcher>(std::move(sources), cache_, options);
    auto snapshot = MountedSnapshot::open(finished.catalog, *fetcher_, {"sw.example.org", "mem://store"});
    ASSERT_TRUE(snapshot) << snapshot.error().message;
    snapshot_ = std::move(*snapshot);
  }
  Change file(ByteView path, const Bytes& content) {
    EXPECT_TRUE(world_.objects.writer.write(content));
    return put_file(path, content);
  }
  Row lookup(const Row& directory, ByteView name) {
    const auto row = snapshot_->lookup(directory->inode, name);
    EXPECT_TRUE(row) << row.error().message;
    return *row;
  }
  void read(const Row& file, uint64_t offset, size_t size) {
    Mailbox<Bytes> answer;
    snapshot_->read(*snapshot_->plan_read(file, offset, size), [&](Result<ByteView> bytes) {
      answer.deliver(bytes ? Result<Bytes>(Bytes(*bytes)) : bytes.error());
    });
    ASSERT_TRUE(answer.wait_for(1));
    EXPECT_TRUE(answer.take(0));
  }
  RecordedTrace stop() { return trace_of(*snapshot_->touches().stop(), kRepository, snapshot_id_, *snapshot_); }

  const SnapshotId snapshot_id_ = Digest::of("a snapshot");
  CatalogWorld world_;
  MemCache cache_;
  std::vector<ObjectId> catalog_objects_;
  std::unique_ptr<Fetcher> fetcher_;
  std::shared_ptr<MountedSnapshot> snapshot_;
};

TEST_F(RecordedTraceTest, ItNamesPathsAndContentsInOrderOfFirstTouch) {
  const Bytes large(3 * kGranule + 100, 'x');
  mount({put_directory("etc"), put_directory("usr"), put_directory("usr/lib"), file("usr/lib/large", large),
         file("etc/motd", "hello"), file("top", "not read")});
  ASSERT_TRUE(snapshot_->touches().start(1'800'000'000));
  const Row root = *snapshot_->row(kRootInode);
  const Row library = lookup(lookup(root, "usr"), "lib");
  const Row file = lookup(library, "large");
  read(file, 3 * kGranule + 10, 50);
  read(lookup(lookup(root, "etc"), "motd"), 0, 100);
  read(file, 0, 10);
  EXPECT_EQ(snapshot_->lookup(root->inode, "missing").error().code, Code::kNotFound);

  const RecordedTrace recorded = stop();
  Trace wanted{kRepository, snapshot_id_, 1'800'000'000, {}};
  using Kind = Touch::Kind;
  wanted.touches = {{Kind::kDirectory, "", {}, {}},
                    {Kind::kDirectory, "usr", {}, {}},
                    {Kind::kDirectory, "usr/lib", {}, {}},
                    {Kind::kFile, "usr/lib/large", Digest::of(large), {{0, kGranule}, {3 * kGranule, 100}}},
                    {Kind::kDirectory, "etc", {}, {}},
                    {Kind::kFile, "etc/motd", Digest::of("hello"), {{0, 5}}}};
  EXPECT_EQ(recorded.trace, wanted);
  EXPECT_EQ(*Trace::parse(recorded.trace.serialise()), wanted);
  EXPECT_EQ(recorded.directories, 4U);
  EXPECT_EQ(recorded.files, 2U);
  EXPECT_EQ(recorded.bytes, kGranule + 105);
  EXPECT_FALSE(recorded.truncated);
}

TEST_F(RecordedTraceTest, AListedDirectoryIsTouchedAndItsEntriesAreNot) {
  mount({put_directory("etc"), put_directory("etc/below"), file("etc/motd", "hello")});
  const InodeNumber etc = lookup(*snapshot_->row(kRootInode), "etc")->inode;
  ASSERT_TRUE(snapshot_->touches().start(0));
  ASSERT_TRUE(snapshot_->list(etc, 0, 100));
  const RecordedTrace recorded = stop();
  ASSERT_EQ(recorded.trace.touches.size(), 1U);
  EXPECT_EQ(recorded.trace.touches[0].path, "etc");
}

TEST_F(RecordedTraceTest, AnInodeThatNobodyKnowsIsLeftOut) {
  mount({file("motd", "hello")});
  ASSERT_TRUE(snapshot_->touches().start(0));
  snapshot_->touches().directory(4711);
  snapshot_->touches().directory(kRootInode);
  const RecordedTrace recorded = stop();
  EXPECT_EQ(recorded.directories, 1U);
  EXPECT_EQ(recorded.lost, 0U);
}

TEST_F(RecordedTraceTest, AMountIsAskedToStartToTellAndToStop) {
  mount({put_directory("etc"), file("etc/motd", "hello")});
  ResolvedSnapshot resolved;
  resolved.repository = kRepository;
  resolved.id = snapshot_id_;
  const BackgroundFill fill(snapshot_id_, *fetcher_, cache_, {});
  ServedSnapshots snapshots(*fetcher_, resolved, snapshot_);
  const WorkerStatus worker;
  const MountStatus status({snapshots, *fetcher_, cache_, fill, worker, "/mnt", "/cache", "stderr", nullptr});
  MountControl control;
  answer_stat(control, status);
  answer_recording(control, status, snapshots);

  EXPECT_EQ(*control.answer("profile status"), "null");
  EXPECT_EQ(control.answer("profile stop").error().code, Code::kNotFound);
  EXPECT_NE(control.answer("stat")->find(R"("profile":null,"recording":null)"), std::string::npos);

  ASSERT_TRUE(control.answer("profile start"));
  EXPECT_EQ(control.answer("profile start").error().code, Code::kBusy);
  read(lookup(lookup(*snapshot_->row(kRootInode), "etc"), "motd"), 0, 5);
  const std::string told = *control.answer("profile status");
  EXPECT_NE(told.find(R"("directories":2,"files":1)"), std::string::npos) << told;
  EXPECT_NE(control.answer("stat")->find(R"("recording":{"started_at":)"), std::string::npos);

  const std::string answer = *control.answer("profile stop");
  EXPECT_EQ(answer.substr(0, answer.find('\n')), R"({"directories":2,"files":1,"bytes":5,"lost":0,"truncated":false})");
  const auto trace = Trace::parse(answer.substr(answer.find('\n') + 1));
  ASSERT_TRUE(trace) << trace.error().message;
  EXPECT_EQ(trace->repository, kRepository);
  EXPECT_EQ(trace->touches.size(), 3U);
  EXPECT_EQ(*control.answer("profile status"), "null");
}

TEST_F(RecordedTraceTest, ATraceStaysShorterThanOneMayBe) {
  // Each path has some 1,000 bytes that take three each: 16 MiB hold some 5,500.
  const Bytes part(250, '\x01');
  std::vector<Change> changes;
  Bytes directory;
  for (int depth = 0; depth < 4; ++depth) {
    directory += (depth > 0 ? "/" : "") + part;
    changes.push_back(put_directory(directory));
  }
  for (int i = 0; i < 8000; ++i) changes.push_back(put_file(str(directory, "/", i), "x"));
  mount(std::move(changes));
  ASSERT_TRUE(snapshot_->touches().start(0));
  Row row = *snapshot_->row(kRootInode);
  for (int depth = 0; depth < 4; ++depth) row = lookup(row, part);
  const auto files = *snapshot_->list(row->inode, 0, 8000);
  for (const Listed& file : files) snapshot_->touches().file(file.row->inode, 0, 1);
  const RecordedTrace recorded = stop();
  EXPECT_TRUE(recorded.truncated);
  EXPECT_GT(recorded.files, 1000U);
  const Bytes document = recorded.trace.serialise();
  EXPECT_LE(document.size(), Trace::kMaxBytes);
  EXPECT_TRUE(Trace::parse(document));
}

}  // namespace
}  // namespace granary
