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

  // `request.path` is ignored.
  std::unique_ptr<Transfer> get(std::string url, GetRequest request, Transport::Callback done);

 private:
  class Loop;
  explicit HttpEngine(std::unique_ptr<Loop> loop);
  std::unique_ptr<Loop> loop_;
};

class HttpTransport : public Transport {
 public:
  HttpTransport(std::string url, std::shared_ptr<HttpEngine> engine)
      : url_(std::move(url)), engine_(std::move(engine)) {}

  std::unique_ptr<Transfer> get(GetRequest request, Callback done) override {
    std::string url = url_ + "/" + request.path;
    return engine_->get(std::move(url), std::move(request), std::move(done));
  }
  const std::string& base_url() const override { return url_; }

 private:
  const std::string url_;
  const std::shared_ptr<HttpEngine> engine_;
};

}  // namespace granary
