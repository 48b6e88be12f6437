#include "server/http_server.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <atomic>
#include <filesystem>
#include <thread>

#include "fs/base/file.h"
#include "fs/base/log.h"
#include "fs/format/object.h"
#include "server/public_path.h"

namespace granary {
namespace {

// A connection that says exactly what it is told.
class Client {
 public:
  explicit Client(const std::string& url) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(static_cast<uint16_t>(std::stoi(url.substr(url.rfind(':') + 1))));
    EXPECT_EQ(::connect(fd_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  }
  void say(const std::string& text) { EXPECT_TRUE(write_all(fd_.get(), text)); }
  // Up to `limit` bytes of what comes until the other side closes.
  std::string hear(size_t limit = size_t{1} << 30) {
    std::string heard;
    char part[65536];
    while (heard.size() < limit) {
      const ssize_t n = ::recv(fd_.get(), part, std::min(sizeof part, limit - heard.size()), 0);
      if (n <= 0) break;
      heard.append(part, static_cast<size_t>(n));
    }
    return heard;
  }

 private:
  UniqueFd fd_;
};

class HttpServerTest : public testing::Test {
 protected:
  HttpServerTest() {
    add("head.json", "{\"granary\":\"head\"}");
    add("log/1.json", "{\"log\":1}");
    add("root/1.json", "{\"root\":1}");
    add("format.md", "# The format");
    add(object_path(object_), "an object file");
    add(".granary/secret", "secret");
    start({});
  }
  void add(const std::string& path, const Bytes& content) {
    const std::string full = top() + "/" + path;
    std::filesystem::create_directories(std::filesystem::path(full).parent_path());
    ASSERT_TRUE(replace_file(full, content, 0644, Durability::kFast));
  }
  void start(HttpServerOptions options) {
    server_.reset();
    options.listen = "127.0.0.1:0";
    server_ = HttpServer::start(top(), options).value();
  }
  std::string ask(const std::string& path, const std::string& headers = {}, const std::string& method = "GET") {
    Client client(server_->url());
    client.say(method + " " + path + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" + headers + "\r\n");
    return client.hear();
  }
  static std::string status_of(const std::string& answer) { return answer.substr(9, 3); }
  static std::string body_of(const std::string& answer) { return answer.substr(answer.find("\r\n\r\n") + 4); }
  static std::string header_of(const std::string& answer, const std::string& name) {
    const size_t from = answer.find("\r\n" + name + ": ");
    if (from == std::string::npos) return {};
    const size_t start = from + name.size() + 4;
    return answer.substr(start, answer.find("\r\n", start) - start);
  }
  std::string top() const { return directory_.path() + "/repo"; }

  TemporaryDirectory directory_ = TemporaryDirectory::make().value();
  const ObjectId object_ = ObjectId::of("an object");
  std::unique_ptr<HttpServer> server_;
};

TEST_F(HttpServerTest, PublicFilesComeWithTheHeadersThatCachesNeed) {
  for (const std::string& path : {std::string("log/1.json"), std::string("root/1.json"), object_path(object_)}) {
    const std::string answer = ask("/" + path);
    EXPECT_EQ(status_of(answer), "200") << path;
    EXPECT_EQ(body_of(answer), read_file(top() + "/" + path, 1000).value());
    EXPECT_NE(header_of(answer, "Cache-Control").find("immutable"), std::string::npos);
    EXPECT_TRUE(header_of(answer, "ETag").starts_with("\""));
  }
  const std::string head = ask("/head.json?now");
  EXPECT_EQ(body_of(head), "{\"granary\":\"head\"}");
  EXPECT_EQ(header_of(head, "Cache-Control"), "no-cache");
  EXPECT_EQ(header_of(head, "Content-Type"), "application/json");
  EXPECT_EQ(status_of(ask("/format.md")), "200");
}

TEST_F(HttpServerTest, WhoHasItAlreadyIsToldSo) {
  const std::string tag = header_of(ask("/head.json"), "ETag");
  const std::string unchanged = ask("/head.json", "If-None-Match: " + tag + "\r\n");
  EXPECT_EQ(status_of(unchanged), "304");
  EXPECT_EQ(body_of(unchanged), "");
  EXPECT_EQ(header_of(unchanged, "ETag"), tag);
  EXPECT_EQ(status_of(ask("/head.json", "If-None-Match: \"other\", W/" + tag + "\r\n")), "304");
  add("head.json", "{\"granary\":\"Head\"}");  // of the same length
  const std::string changed = ask("/head.json", "If-None-Match: " + tag + "\r\n");
  EXPECT_EQ(status_of(changed), "200");
  EXPECT_NE(header_of(changed, "ETag"), tag);
}

TEST_F(HttpServerTest, HeadHasNoBodyAndOtherMethodsAreRefused) {
  const std::string head = ask("/head.json", {}, "HEAD");
  EXPECT_EQ(status_of(head), "200");
  EXPECT_EQ(header_of(head, "Content-Length"), "18");
  EXPECT_EQ(body_of(head), "");
  EXPECT_EQ(status_of(ask("/head.json", {}, "DELETE")), "405");
  EXPECT_EQ(status_of(ask("/head.json", {}, "POST")), "405");
}

TEST_F(HttpServerTest, NothingElseIsServed) {
  add("objects/ab/.12.3.tmp", "half an object");
  add("secret", "secret");
  ASSERT_TRUE(replace_file(directory_.path() + "/outside", "outside", 0644, Durability::kFast));
  for (const char* path :
       {"/", "/.granary/secret", "/%2egranary/secret", "/objects/../.granary/secret", "/objects/%2e%2e/.granary/secret",
        "/../outside", "/..%2foutside", "//head.json", "/head.json/", "/objects", "/objects/ab",
        "/objects/ab/.12.3.tmp", "/secret", "/log/0.json", "/log/01.json", "/log/-1.json", "/log/1", "/log/999.json",

        "/HEAD.JSON"}) {
    const std::string answer = ask(path);
    EXPECT_EQ(status_of(answer), "404") << path;
    EXPECT_EQ(answer.find("secret"), std::string::npos) << path;
  }
  EXPECT_EQ(header_of(ask("/secret"), "Cache-Control"), "no-cache");
}

TEST_F(HttpServerTest, SymbolicLinksAndFolderNamesLeadNowhere) {
  ASSERT_TRUE(replace_file(directory_.path() + "/outside", "outside", 0644, Durability::kFast));
  ASSERT_EQ(::symlink("../../outside", (top() + "/log/2.json").c_str()), 0);
  std::filesystem::create_directories(directory_.path() + "/elsewhere");
  ASSERT_TRUE(
      replace_file(directory_.path() + "/elsewhere/" + object_path(object_).substr(11), "x", 0644, Durability::kFast));
  std::filesystem::remove_all(top() + "/" + object_path(object_).substr(0, 10));
  ASSERT_EQ(::symlink("../../elsewhere", (top() + "/" + object_path(object_).substr(0, 10)).c_str()), 0);
  std::filesystem::create_directories(top() + "/log/3.json");
  ASSERT_EQ(::mkfifo((top() + "/log/4.json").c_str(), 0644), 0);
  for (const std::string& path :
       {std::string("log/2.json"), object_path(object_), std::string("log/3.json"), std::string("log/4.json")}) {
    EXPECT_EQ(status_of(ask("/" + path)), "404") << path;
  }
}

TEST_F(HttpServerTest, OneConnectionServesManyRequests) {
  Client client(server_->url());
  for (int i = 0; i < 9; ++i) client.say("GET /head.json HTTP/1.1\r\nHost: x\r\n\r\n");
  client.say("GET /log/1.json HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  const std::string heard = client.hear();
  EXPECT_EQ(body_of(heard.substr(heard.rfind("HTTP/1.1 200"))), "{\"log\":1}");
}

TEST_F(HttpServerTest, ManyClientsAtOnceGetWholeFiles) {
  const Bytes large(3'000'000, 'g');
  add("log/7.json", large);
  std::atomic<int> wrong{0};
  std::vector<std::thread> clients;
  for (int i = 0; i < 8; ++i) {
    clients.emplace_back([&] {
      for (int round = 0; round < 3; ++round) {
        if (body_of(ask("/log/7.json")) != large) ++wrong;
      }
    });
  }
  for (std::thread& client : clients) client.join();
  EXPECT_EQ(wrong, 0);
}

TEST_F(HttpServerTest, WhatIsUnderWayIsFinishedBeforeTheEnd) {
  add("log/7.json", Bytes(30'000'000, 'g'));
  Client client(server_->url());
  client.say("GET /log/7.json HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  std::string heard = client.hear(1000);
  const std::string url = server_->url();
  std::thread end([&] { server_.reset(); });
  heard += client.hear();
  end.join();
  EXPECT_EQ(body_of(heard).size(), 30'000'000u);
}

TEST_F(HttpServerTest, TheAccessLogIsALineForEachRequest) {
  const UniqueFd log = open_file(directory_.path() + "/access", O_RDWR | O_CREAT | O_APPEND, 0600).value();
  log::set_descriptor(log.get());
  log::set_level(log::Level::kInfo);
  start({.access_log = true});
  ask("/head.json", "User-Agent: granary/test\r\n");
  ask("/.granary/secret");
  server_.reset();
  log::set_descriptor(STDERR_FILENO);
  log::set_level(log::Level::kWarn);
  EXPECT_EQ(read_file(directory_.path() + "/access", 10'000).value(),
            "info served client=127.0.0.1 method=GET path=/head.json status=200 bytes=18 agent=granary/test\n"
            "info served client=127.0.0.1 method=GET path=/.granary/secret status=404 bytes=10 agent=\"\"\n");
}

TEST_F(HttpServerTest, WhatCannotBeServedIsRefusedWithItsReason) {
  const auto code_of = [&](const std::string& repository, const std::string& listen) {
    const auto started = HttpServer::start(repository, {.listen = listen});
    return started ? Code{} : started.error().code;
  };
  EXPECT_EQ(code_of(directory_.path(), "127.0.0.1:0"), Code::kNotARepository);
  EXPECT_EQ(code_of(directory_.path() + "/missing", "127.0.0.1:0"), Code::kNotARepository);
  for (const char* listen : {"", "8000", "127.0.0.1:", "127.0.0.1:x", "127.0.0.1:70000", "no such host:1"}) {
    EXPECT_EQ(code_of(top(), listen), Code::kInvalid) << listen;
  }
  EXPECT_EQ(code_of(top(), server_->url().substr(7)), Code::kBusy);
}

}  // namespace
}  // namespace granary
