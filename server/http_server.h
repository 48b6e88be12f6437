// HttpServer: hands out the public files of a repository directory over HTTP, for those who have no web server at hand.
// It knows nothing that a static web server does not; what must not be served (.granary) it does not serve.
//
// Threads of its own; safe from many. Files go out by sendfile, with strong entity tags; head.json is to be asked for
// each time (If-None-Match makes that cheap), everything else may be kept for ever. Symbolic links below
// the repository's top are not followed.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "fs/base/result.h"

namespace granary {

struct HttpServerOptions {
  std::string listen = "127.0.0.1:8000";  // ADDRESS:PORT; port 0: any that is free
  unsigned threads = 0;                   // 0: as many as cores
  bool access_log = false;                // an info line for each request
};

class HttpServer {
 public:
  // Listens on return.
  //   kNotARepository  the directory holds no head.json
  //   kInvalid         not an ADDRESS:PORT
  //   kBusy            somebody else listens there
  static Result<std::unique_ptr<HttpServer>> start(const std::string& repository, const HttpServerOptions& options);
  // Accepts nothing more, lets requests under way finish for up to five seconds, then ends.
  ~HttpServer();

  // "http://127.0.0.1:8000"
  const std::string& url() const;

  // What has been answered so far, headers not counted.
  struct Counters {
    uint64_t requests = 0;
    uint64_t bytes = 0;
  };
  Counters counters() const;

 private:
  class Daemon;
  explicit HttpServer(std::unique_ptr<Daemon> daemon);
  std::unique_ptr<Daemon> daemon_;
};

}  // namespace granary
