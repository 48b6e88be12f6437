// TextServer: answers every GET of one path with a text that is made anew each time, over HTTP at an address or at a
// unix socket: for Prometheus and the like. A thread for each of a few connections; the text is made by one at a time.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "fs/base/result.h"

namespace granary {

class TextServer {
 public:
  using MakeText = std::function<std::string()>;

  // `listen`: ADDRESS:PORT (port 0: any that is free), or "unix:PATH", whose socket is made with mode 0660 in place of
  // one that nobody listens at. Listens on return.
  //   kInvalid  neither
  //   kBusy     somebody else listens there
  static Result<std::unique_ptr<TextServer>> start(const std::string& listen, const std::string& path,
                                                   const std::string& content_type, MakeText make_text);
  ~TextServer();

  // "http://127.0.0.1:9417/metrics", "unix:/run/granary.sock"
  const std::string& url() const;

 private:
  class Daemon;
  explicit TextServer(std::unique_ptr<Daemon> daemon);
  std::unique_ptr<Daemon> daemon_;
};

}  // namespace granary
