// fetch_url: one document from anywhere, over HTTP: what a machine is told at boot (instance metadata, user data), for
// those who do not link this library and start `granary-mount --fetch`. Unverified, kept nowhere, asked for once.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "fs/base/bytes.h"
#include "fs/base/result.h"

namespace granary {

struct UrlRequest {
  std::string url;             // http:// or https://, without user and password
  std::string method = "GET";  // always without a body
  // "NAME: VALUE". Never in a message, and sent to nobody else: with headers, no redirect is followed.
  std::vector<std::string> headers;
  size_t limit_bytes = size_t{1} << 20;
  std::chrono::milliseconds timeout{16'000};  // for all of it, over all proxies
  std::string ca_file;                        // as HttpOptions
  // As parse_proxy_list, "auto" for the environment's; empty: none, because instance metadata are this machine's alone.
  std::string proxies;
};

// Starts a thread, which ends before it returns.
//   kInvalid      a method, a header or a list of proxies that is none
//   kBadUrl       not a URL that we can fetch from
//   kNotFound     the server says that it has no such document (404, 410)
//   kUnavailable  could not tell: refused, timed out, any other status …; worth a retry
//   kUntrusted    the server's certificate is not one that we believe
//   kEndlessData  longer than limit_bytes
Result<Bytes> fetch_url(const UrlRequest& request);

}  // namespace granary
