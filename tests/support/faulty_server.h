// FaultyServer: a small HTTP server on loopback that serves what it is given, counts, and lies on demand.
// A thread for each connection; safe from many threads. What is under way ends when it goes.
#pragma once

#include <deque>
#include <functional>
#include <list>
#include <map>
#include <optional>
#include <string>
#include <thread>

#include "fs/base/bytes.h"
#include "fs/base/mutex.h"
#include "fs/base/unique_fd.h"

namespace granary {

enum class Fault {
  kNone,
  kNotFound,      // 404 with a page
  kServerError,   // 500 with a page
  kTruncate,      // half the body, then the end of the connection
  kWrongLength,   // a Content-Length of half the body, then all of it
  kFlipBit,       // one bit of the body's middle is wrong
  kTrickle,       // a byte now and then
  kHang,          // no answer at all
  kReset,         // the connection is reset instead of an answer
  kHtml,          // 200 with a captive portal's page
  kRedirectLoop,  // to a place that redirects to itself
  kRedirectAway,  // to /elsewhere/PATH, which answers
  kEndless,       // a body that does not end
};

class FaultyServer {
 public:
  FaultyServer();
  ~FaultyServer();

  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }

  // Paths have no leading slash: "head.json".
  void add(const std::string& path, Bytes body);
  void remove(const std::string& path);
  // Whatever was not added is looked for here.
  void serve_directory(const std::string& directory);

  // The next requests for `path` meet these, in order; then it is honest again. "*" stands for every path.
  FaultyServer& then(const std::string& path, Fault fault);
  // All requests for `path` meet it, until kNone.
  void always(const std::string& path, Fault fault);

  // Nobody listens and all connections end; the port stays ours.
  void go_down();
  void come_up();

  // Requests wait for `release` before they are answered.
  void hold();
  void release();

  size_t requests(const std::string& path) const;
  size_t requests() const;
  size_t past_caches(const std::string& path) const;  // of them with Cache-Control: no-cache
  size_t revalidated(const std::string& path) const;  // of them with Cache-Control: max-age=0
  size_t connections() const;
  std::string last_header(const std::string& path) const;  // the request's header block

 private:
  struct Request {
    std::string path;
    std::string header;
  };
  struct Connection {
    UniqueFd fd;
    std::thread thread;
    bool ended = false;
  };

  void listen_on(uint16_t port);
  void accept_all();
  void converse(int fd);
  std::optional<Request> read_request(int fd, Bytes& buffer);
  bool answer(int fd, const Request& request);
  static Bytes in_range(const std::string& header, const Bytes& body);
  bool lie(int fd, Fault fault, const Request& request, const Bytes& body);
  Fault next_fault(const std::string& path) REQUIRES(mutex_);
  std::optional<Bytes> content_of(const std::string& path) REQUIRES(mutex_);
  bool send_all(int fd, ByteView bytes);
  bool wait_for_end(int fd);
  void pause(int milliseconds);

  uint16_t port_ = 0;
  UniqueFd listener_;
  UniqueFd stop_;  // an eventfd, readable when all shall end
  std::thread acceptor_;

  mutable Mutex mutex_;
  std::condition_variable released_;
  bool held_ GUARDED_BY(mutex_) = false;
  bool ending_ GUARDED_BY(mutex_) = false;
  std::string directory_ GUARDED_BY(mutex_);
  std::map<std::string, Bytes> files_ GUARDED_BY(mutex_);
  std::map<std::string, std::deque<Fault>> next_ GUARDED_BY(mutex_);
  std::map<std::string, Fault> always_ GUARDED_BY(mutex_);
  std::map<std::string, size_t> requests_ GUARDED_BY(mutex_);
  std::map<std::string, size_t> past_caches_ GUARDED_BY(mutex_);
  std::map<std::string, size_t> revalidated_ GUARDED_BY(mutex_);
  std::map<std::string, std::string> last_header_ GUARDED_BY(mutex_);
  size_t connections_ GUARDED_BY(mutex_) = 0;
  std::list<Connection> open_ GUARDED_BY(mutex_);
};

}  // namespace granary
