#include "fs/net/fetch_url.h"

#include <gtest/gtest.h>

#include <cstdlib>

#include "tests/support/faulty_server.h"

namespace granary {
namespace {

class FetchUrlTest : public testing::Test {
 protected:
  FetchUrlTest() { server_.add("latest/user-data", "#cloud-config\n"); }
  ~FetchUrlTest() override { ::unsetenv("http_proxy"); }

  UrlRequest request(const std::string& path = "/latest/user-data") {
    UrlRequest out;
    out.url = server_.url() + path;
    out.timeout = std::chrono::seconds(20);
    return out;
  }
  static Code refusal(const UrlRequest& request) {
    const auto answer = fetch_url(request);
    return answer ? Code::kInternal : answer.error().code;
  }

  FaultyServer server_;
};

TEST_F(FetchUrlTest, ADocumentComesAsItIs) {
  const auto answer = fetch_url(request());
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(*answer, "#cloud-config\n");
}

TEST_F(FetchUrlTest, MethodAndHeadersReachTheServer) {
  UrlRequest wanted = request();
  wanted.method = "PUT";
  wanted.headers = {"X-aws-ec2-metadata-token-ttl-seconds: 300", "Metadata-Flavor: Google"};
  ASSERT_TRUE(fetch_url(wanted));
  const std::string said = server_.last_header("latest/user-data");
  EXPECT_TRUE(said.starts_with("PUT /latest/user-data HTTP/1.1\r\n")) << said;
  EXPECT_NE(said.find("\r\nX-aws-ec2-metadata-token-ttl-seconds: 300"), std::string::npos) << said;
  EXPECT_NE(said.find("\r\nMetadata-Flavor: Google"), std::string::npos) << said;
}

TEST_F(FetchUrlTest, WhatIsMissingIsToldFromWhatCannotBeHadNow) {
  EXPECT_EQ(refusal(request("/nothing")), Code::kNotFound);
  server_.then("latest/user-data", Fault::kServerError);
  EXPECT_EQ(refusal(request()), Code::kUnavailable);
  server_.always("latest/user-data", Fault::kHang);
  UrlRequest impatient = request();
  impatient.timeout = std::chrono::milliseconds(200);
  EXPECT_EQ(refusal(impatient), Code::kUnavailable);
}

TEST_F(FetchUrlTest, AnAnswerLongerThanItsLimitIsRefused) {
  UrlRequest wanted = request();
  wanted.limit_bytes = 13;
  EXPECT_EQ(refusal(wanted), Code::kEndlessData);
  server_.always("latest/user-data", Fault::kEndless);
  EXPECT_EQ(refusal(request()), Code::kEndlessData);
}

TEST_F(FetchUrlTest, ARedirectIsFollowedOnlyWithoutHeaders) {
  server_.always("latest/user-data", Fault::kRedirectAway);
  EXPECT_TRUE(fetch_url(request()));
  UrlRequest secret = request();
  secret.headers = {"X-aws-ec2-metadata-token: secret"};
  const auto answer = fetch_url(secret);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().message.find("secret"), std::string::npos) << answer.error().message;
  EXPECT_EQ(server_.requests("elsewhere/latest/user-data"), 1U);
}

TEST_F(FetchUrlTest, TheEnvironmentsProxyIsUsedOnlyIfAskedFor) {
  ::setenv("http_proxy", "http://127.0.0.1:1", 1);  // nobody listens there
  EXPECT_TRUE(fetch_url(request()));
  UrlRequest through = request();
  through.proxies = "auto";
  EXPECT_EQ(refusal(through), Code::kUnavailable);
  through.proxies = "auto;DIRECT";
  EXPECT_TRUE(fetch_url(through));
}

TEST_F(FetchUrlTest, WhatIsNoRequestIsRefusedWithoutSayingTheSecret) {
  UrlRequest wanted = request();
  for (const char* header : {"no colon, secret", "secret: a\r\nHost: elsewhere", ": secret", "a b: secret"}) {
    wanted.headers = {header};
    const auto answer = fetch_url(wanted);
    ASSERT_FALSE(answer) << header;
    EXPECT_EQ(answer.error().code, Code::kInvalid);
    EXPECT_EQ(answer.error().message.find("secret"), std::string::npos) << answer.error().message;
  }
  wanted.headers.clear();
  wanted.method = "GET /elsewhere";
  EXPECT_EQ(refusal(wanted), Code::kInvalid);
  wanted.method = "GET";
  for (const char* url : {"", "ftp://127.0.0.1/", "file:///etc/passwd", "http://", "http://127.0.0.1/a b"}) {
    wanted.url = url;
    EXPECT_EQ(refusal(wanted), Code::kBadUrl) << url;
  }
  wanted.url = "http://user:secret@127.0.0.1/";
  const auto answer = fetch_url(wanted);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, Code::kBadUrl);
  EXPECT_EQ(answer.error().message.find("secret"), std::string::npos);
  EXPECT_EQ(server_.requests(), 0U);
}

TEST_F(FetchUrlTest, AServerAloneAndAQueryAreUrlsToo) {
  server_.add("", "root");
  server_.add("?a=b", "asked");
  UrlRequest wanted = request("");
  EXPECT_EQ(fetch_url(wanted).value(), "root");
  wanted = request("?a=b");
  EXPECT_EQ(fetch_url(wanted).value(), "asked");
}

}  // namespace
}  // namespace granary
