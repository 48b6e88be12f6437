// HttpTransport: a repository on any static web server. HttpEngine: the one thread on which all of them run.
#pragma once

#include "fs/net/transport.h"

namespace granary {

// All HTTP of a process: one thread around curl's multi interface. Connections are kept alive, used by several
// transfers at once where the server speaks HTTP/2, and shared by all transports. Safe from many threads.
class HttpEngine {
 public:
  static Result<std::shared_ptr<HttpEngine>> start(const HttpOptions& options);
  // Answers what is under way with kUnavailable.
  ~HttpEngine();

  // Whose requests queue behind each other, and share connections' number and the window of prefetches: those of one
  // source. One that hangs does not hold up the others.
  struct Lane;
  struct Exchange;
  // `proxy`: none: what http_proxy, https_proxy, no_proxy say; "": none on the way; a URL, perhaps with user and
  // password.
  static std::shared_ptr<Lane> new_lane(std::optional<std::string> proxy);

  // `request.path` is ignored.
  std::unique_ptr<Transfer> get(std::shared_ptr<Lane> lane, std::string url, GetRequest request,
                                Transport::Callback done);

 private:
  class Loop;
  explicit HttpEngine(std::unique_ptr<Loop> loop);
  std::unique_ptr<Loop> loop_;
};

class HttpTransport : public Transport {
 public:
  // `proxy` as for a lane. Its user and password stay out of `place`.
  HttpTransport(std::string url, std::shared_ptr<HttpEngine> engine, std::optional<std::string> proxy, int group = 0)
      : place_{std::move(url), public_url(proxy.value_or("")), group},
        lane_(HttpEngine::new_lane(std::move(proxy))),
        engine_(std::move(engine)) {}

  std::unique_ptr<Transfer> get(GetRequest request, Callback done) override {
    std::string url = place_.url + "/" + request.path;
    return engine_->get(lane_, std::move(url), std::move(request), std::move(done));
  }
  const std::string& base_url() const override { return place_.url; }
  SourcePlace place() const override { return place_; }

 private:
  const SourcePlace place_;
  const std::shared_ptr<HttpEngine::Lane> lane_;
  const std::shared_ptr<HttpEngine> engine_;
};

}  // namespace granary
