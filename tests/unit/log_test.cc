#include "fs/base/log.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <nlohmann/json.hpp>

#include "fs/base/file.h"
#include "fs/base/journal.h"
#include "fs/base/log_file.h"
#include "fs/base/log_queue.h"
#include "support/waiting.h"

namespace granary {
namespace {

using std::chrono::milliseconds;

log::Line line_of(const char* event, std::vector<log::Field> fields) {
  return {log::Level::kWarn, event, std::move(fields), std::chrono::system_clock::time_point(milliseconds(1'500))};
}

// Lets lines through when told to.
class Gate : public log::LogOutput {
 public:
  struct State {
    Mutex mutex;
    std::condition_variable opened;
    bool open GUARDED_BY(mutex) = false;
    bool somebody_waits GUARDED_BY(mutex) = false;
    std::vector<std::string> lines GUARDED_BY(mutex);
  };
  explicit Gate(std::shared_ptr<State> state) : state_(std::move(state)) {}
  bool write(const log::Line& line) override {
    MutexLock lock(state_->mutex);
    state_->somebody_waits = true;
    while (!state_->open) lock.wait(state_->opened);
    state_->lines.push_back(log::as_logfmt(line));
    return true;
  }

 private:
  const std::shared_ptr<State> state_;
};

void open_gate(Gate::State& state) {
  const MutexLock lock(state.mutex);
  state.open = true;
  state.opened.notify_all();
}

bool hangs(Gate::State& state) {
  const MutexLock lock(state.mutex);
  return state.somebody_waits && !state.open;
}

TEST(Log, ALineIsItsEventAndItsFields) {
  EXPECT_EQ(log::as_logfmt(line_of("read failed", {{"path", "/a b"}, {"cause", "says \"no\""}, {"code", 5}})),
            "warn read failed path=\"/a b\" cause=\"says \\\"no\\\"\" code=5");
}

TEST(Log, JsonHoldsTimeLevelEventAndFields) {
  const auto json = nlohmann::json::parse(log::as_json(line_of("read failed", {{"path", "/a\n\"b"}, {"event", "x"}})));
  EXPECT_EQ(json["time"], "1970-01-01T00:00:01.500Z");
  EXPECT_EQ(json["level"], "warn");
  EXPECT_EQ(json["event"], "read failed");
  EXPECT_EQ(json["path"], "/a\\x0a\"b");
  EXPECT_EQ(json["event_"], "x");
}

TEST(Log, PasswordsInUrlsAreMasked) {
  EXPECT_EQ(log::without_passwords("from http://me:secret@proxy:3128/x and http://plain/a@b"),
            "from http://***@proxy:3128/x and http://plain/a@b");
  EXPECT_EQ(log::as_logfmt(line_of("x", {{"url", "https://u:p@h/"}})), "warn x url=https://***@h/");
}

TEST(LogQueue, NobodyWaitsForAnOutputThatHangsAndWhatWasDroppedIsTold) {
  const auto state = std::make_shared<Gate::State>();
  log::LogQueue queue(std::make_unique<Gate>(state));
  std::vector<std::string> events;  // of many kinds, so that none is suppressed
  for (size_t i = 0; i < 40; ++i) events.push_back(str("event", i));
  queue.take(line_of("first", {}));
  ASSERT_TRUE(eventually([&] { return hangs(*state); }));  // so that all that is dropped is told at once, later
  for (size_t i = 0; i < log::LogQueue::kMaxQueued + 500; ++i)
    queue.take(line_of(events[i % events.size()].c_str(), {{"i", i}}));
  EXPECT_FALSE(queue.flush(milliseconds(10)));
  EXPECT_EQ(queue.stats().dropped, 500U);
  EXPECT_NE(queue.tail().find(str("i=", log::LogQueue::kMaxQueued + 499)), std::string::npos);

  open_gate(*state);
  EXPECT_TRUE(queue.flush(milliseconds(10'000)));
  const MutexLock lock(state->mutex);
  const auto told = std::count_if(state->lines.begin(), state->lines.end(), [](const std::string& line) {
    return line.starts_with("warn log lines dropped total=");
  });
  EXPECT_EQ(told, 1);
}

TEST(LogQueue, TooMuchOfOneKindIsSuppressedAndOthersPass) {
  const auto state = std::make_shared<Gate::State>();
  open_gate(*state);
  log::LogQueue queue(std::make_unique<Gate>(state));
  for (int i = 0; i < 1000; ++i) queue.take(line_of("storm", {{"i", i}}));
  queue.take(line_of("else", {}));
  EXPECT_TRUE(queue.flush(milliseconds(10'000)));
  EXPECT_GE(queue.stats().suppressed, 700U);
  EXPECT_NE(queue.tail().find("warn else"), std::string::npos);
}

TEST(LogQueue, GoesEvenWhenItsOutputNeverReturns) {
  const auto state = std::make_shared<Gate::State>();
  {
    log::LogQueue queue(std::make_unique<Gate>(state));
    queue.take(line_of("stuck", {}));
  }
  open_gate(*state);  // the thread that was left behind ends
  EXPECT_TRUE(eventually([&] {
    const MutexLock lock(state->mutex);
    return !state->lines.empty();
  }));
}

TEST(LogFile, MovesItselfAsideWhenItGrowsAndKeepsSoMany) {
  const auto directory = *TemporaryDirectory::make();
  const std::string path = directory.path() + "/log";
  const auto file = *log::LogFile::open(path, *log::Rotation::parse("1K:2"), log::Format::kLogfmt);
  for (int i = 0; i < 100; ++i) EXPECT_TRUE(file->write(line_of("tick", {{"i", i}})));
  EXPECT_TRUE(exists(path));
  EXPECT_TRUE(exists(path + ".1"));
  EXPECT_TRUE(exists(path + ".2"));
  EXPECT_FALSE(exists(path + ".3"));
  EXPECT_NE(read_file(path, 1 << 20)->find("i=99"), std::string::npos);
}

TEST(LogFile, FollowsWhoeverMovesItAway) {
  const auto directory = *TemporaryDirectory::make();
  const std::string path = directory.path() + "/log";
  const auto file = *log::LogFile::open(path, {}, log::Format::kJson);
  EXPECT_TRUE(file->write(line_of("before", {})));
  ASSERT_EQ(::rename(path.c_str(), (path + ".old").c_str()), 0);
  EXPECT_TRUE(eventually([&] {
    file->write(line_of("after", {}));
    return exists(path);
  }));
  EXPECT_NE(read_file(path, 1 << 20)->find("after"), std::string::npos);
}

TEST(LogFile, AFifoThatNobodyReadsLosesLinesWithoutWaiting) {
  const auto directory = *TemporaryDirectory::make();
  const std::string path = directory.path() + "/fifo";
  ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
  const auto file = *log::LogFile::open(path, {}, log::Format::kLogfmt);
  bool lost = false;
  for (int i = 0; i < 100'000 && !lost; ++i) lost = !file->write(line_of("tick", {{"i", i}}));
  EXPECT_TRUE(lost);
}

TEST(Rotation, IsASizeAndHowManyToKeep) {
  EXPECT_EQ(log::Rotation::parse("10M:3")->size_bytes, uint64_t{10} << 20);
  EXPECT_EQ(log::Rotation::parse("10M:3")->keep, 3U);
  EXPECT_EQ(log::Rotation::parse("10M")->keep, 5U);
  for (const char* bad : {"", ":", "10M:", "10M:x", "10M:1000", "x:3"}) EXPECT_FALSE(log::Rotation::parse(bad)) << bad;
}

TEST(Journal, GetsFieldsAndLargeLinesInAFileOfTheirOwn) {
  const auto directory = *TemporaryDirectory::make();
  const std::string path = directory.path() + "/socket";
  const UniqueFd journal(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
  ASSERT_EQ(::bind(journal.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  const auto output = *log::Journal::open(path);

  ASSERT_TRUE(output->write(line_of("read failed", {{"path", "/a"}, {"cause", "two\nlines"}})));
  char buffer[65536];
  const ssize_t n = ::recv(journal.get(), buffer, sizeof buffer, 0);
  ASSERT_GT(n, 0);
  const std::string entry(buffer, static_cast<size_t>(n));
  EXPECT_TRUE(entry.starts_with("MESSAGE=read failed path=/a")) << entry;
  EXPECT_NE(entry.find("\nPRIORITY=4\n"), std::string::npos);
  EXPECT_NE(entry.find("\nGRANARY_PATH=/a\n"), std::string::npos);
  EXPECT_NE(entry.find(std::string("GRANARY_CAUSE\n\x09\0\0\0\0\0\0\0two\nlines\n", 32)), std::string::npos);

  ASSERT_TRUE(output->write(line_of("large", {{"blob", std::string(1 << 20, 'x')}})));
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  iovec part{buffer, sizeof buffer};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  ASSERT_EQ(::recvmsg(journal.get(), &message, 0), 0);
  const cmsghdr* const header = CMSG_FIRSTHDR(&message);
  ASSERT_NE(header, nullptr);
  int fd = -1;
  std::memcpy(&fd, CMSG_DATA(header), sizeof fd);
  const UniqueFd memory(fd);
  const auto whole = read_at(memory.get(), 0, 2 << 20);
  ASSERT_TRUE(whole);
  EXPECT_GT(whole->size(), size_t{1} << 20);
  EXPECT_TRUE(whole->starts_with("MESSAGE=large"));
}

}  // namespace
}  // namespace granary
