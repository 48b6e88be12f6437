// Transport: fetches files below one base URL, asynchronously and unverified.
// Implementations: HttpTransport (http, https), FileTransport (file). Tests wrap them.
// All are safe to call from many threads at once. They start threads when made: fork before that.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "fs/base/bytes.h"
#include "fs/net/priority.h"

namespace granary {

// Why a request came to nothing, as far as its source is to blame.
enum class Trouble {
  kNone,         // not at all: it waited for its turn, was slow, or the source has no such file
  kUnreachable,  // no connection: refused, no route, no such name, nobody answers
  kSilent,       // a connection, but not one byte in time
  kBroken,       // an answer that is none: 5xx, reset, cut off, redirects without end, a certificate nobody trusts
  kDamaged,      // bytes that are not what was asked for
};

// How a transfer goes on, for whoever watches it: written by the transport, read by anybody.
struct TransferProgress {
  using Time = std::chrono::steady_clock::time_point;

  // Called once when the request leaves the queue, on a thread of the transport: be brief. Not by every transport.
  std::function<void()> on_begin;
  std::atomic<Time> began{Time{}};       // it left the queue
  std::atomic<Time> first_byte{Time{}};  // of the answer
  std::atomic<uint64_t> received_bytes{0};
  std::atomic<Trouble> trouble{Trouble::kBroken};  // before the callback is called with kUnavailable
};

// For people; neither holds a user or a password.
struct SourcePlace {
  std::string url;
  std::string proxy;  // empty: none on the way
  int group = 0;      // of fallback: 0 is asked first
};

struct GetRequest {
  std::string path;  // below the base URL, as in "head.json"; holds nothing that a URL would escape
  size_t limit_bytes = 0;
  Priority priority = Priority::kDemand;
  Deadline deadline = Deadline::max();
  bool past_caches = false;          // ask proxies on the way for a fresh copy (Cache-Control: no-cache)
  bool revalidate = false;           // have them ask whether their copy is still good (Cache-Control: max-age=0)
  bool on_a_new_connection = false;  // the one at hand may be dead
  std::shared_ptr<TransferProgress> progress{};  // nothing: nobody watches
  std::string method{};                          // empty: GET. Without a body, whichever it is
  std::vector<std::string> headers{};            // "NAME: VALUE" besides our own; with any, no redirect is followed
};

// Transfer: a request under way. Dropping it cancels: the callback is not called any more,
// unless it has begun already. May outlive its Transport. Dropping a finished one does nothing.
class Transfer {
 public:
  virtual ~Transfer() = default;
  // From now on at least so urgent, and with this deadline.
  virtual void expedite(Priority priority, Deadline deadline) = 0;
};

class Transport {
 public:
  // Called exactly once, unless cancelled, on a thread of the transport: be brief, never wait in it.
  // It may call `get`, and drop its own Transfer; it may not destroy the transport.
  using Callback = std::function<void(Result<Bytes>)>;

  // Destroying a transport answers what is under way with kUnavailable. Transports opened together
  // share a thread: give them to one owner, which destroys them all.
  virtual ~Transport() = default;

  // The file's bytes, exactly as the source sent them.
  //   kNotFound     the source says that it has no such file
  //   kUnavailable  could not tell: refused, timed out, cut off, 5xx, DNS …; worth a retry
  //   kUntrusted    the server's TLS certificate is not one that we believe
  //   kEndlessData  longer than limit_bytes
  // Each message names the URL and the cause.
  [[nodiscard]] virtual std::unique_ptr<Transfer> get(GetRequest request, Callback done) = 0;

  // Where it fetches from, for people: no trailing slash.
  virtual const std::string& base_url() const = 0;
  // The same, and what is on the way.
  virtual SourcePlace place() const { return {base_url(), {}, 0}; }
};

struct HttpOptions {
  std::chrono::milliseconds connect_timeout{5'000};  // names included
  std::chrono::seconds stall_timeout{20};            // aborted after so long below 512 bytes a second
  long max_redirects = 5;
  size_t max_connections = 16;       // to one source, to all four times as many; others queue, demand first
  size_t max_prefetches = 12;        // of them, and fewer where demand would wait behind them (PrefetchWindow)
  size_t max_backgrounds = 2;        // and these only while nothing more urgent waits or runs
  std::string ca_file{};             // PEM certificates of authorities trusted besides the system's; empty: none
  std::optional<std::string> proxy;  // none: what http_proxy, https_proxy, no_proxy say; "": no proxy
};

// One transport for each URL, in order: http://, https:// or file:///DIRECTORY. All HTTP runs on one thread.
//   kBadUrl  not a URL that we can fetch from; nothing has been contacted yet
//   kInvalid, kNotFound, kPermission  the file of certificates is none, or cannot be read
Result<std::vector<std::unique_ptr<Transport>>> open_transports(const std::vector<std::string>& urls,
                                                                const HttpOptions& options = {});
Result<std::unique_ptr<Transport>> open_transport(const std::string& url, const HttpOptions& options = {});

// A repository's sources: one transport for each proxy that leads to a place that has it (proxy_list.h), in the order
// in which they are asked while nothing is known of them. Errors as above.
struct SourceWay;
Result<std::vector<std::unique_ptr<Transport>>> open_sources(const std::vector<SourceWay>& ways,
                                                             const HttpOptions& options = {});

// The same URL without the user and password that it may hold: for everybody's eyes.
std::string public_url(const std::string& url);

}  // namespace granary
