#include "fs/net/fetch_url.h"

#include <algorithm>
#include <future>

#include "fs/net/proxy_list.h"
#include "fs/net/transport.h"

namespace granary {

namespace {
using Clock = std::chrono::steady_clock;

// Of a method and of a header's name (RFC 9110, 5.6.2).
bool is_token(std::string_view text) {
  static constexpr std::string_view kOthers = "!#$%&'*+-.^_`|~";
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           kOthers.find(c) != std::string_view::npos;
  });
}

bool is_header(std::string_view text) {
  const size_t colon = text.find(':');
  const bool is_named = colon != std::string_view::npos && is_token(text.substr(0, colon));
  const auto is_control = [](unsigned char c) { return (c < ' ' && c != '\t') || c == 0x7f; };
  return is_named && std::none_of(text.begin(), text.end(), is_control);
}

Status check(const UrlRequest& request) {
  if (!is_token(request.method)) return Error{Code::kInvalid, "no HTTP method: " + printable(request.method)};
  for (const std::string& header : request.headers) {
    if (!is_header(header)) return Error{Code::kInvalid, "a header is not NAME: VALUE"};  // it may be a secret
  }
  return Done{};
}

struct Place {
  std::string server;  // "http://192.0.2.1:80"
  std::string path;    // the rest, without the slash between them
};

Result<Place> split(const std::string& url) {
  const size_t scheme = url.find("://");
  const bool is_http = url.starts_with("http://") || url.starts_with("https://");
  const bool is_plain =
      std::all_of(url.begin(), url.end(), [](unsigned char c) { return c > ' ' && c < 0x7f && c != '#'; });
  if (!is_http || !is_plain)
    return Error{Code::kBadUrl, str("cannot fetch ", printable(public_url(url)),
                                    ": use http:// or https://, with "
                                    "anything unusual escaped")};
  const size_t end = std::min(url.find_first_of("/?", scheme + 3), url.size());
  return Place{url.substr(0, end), url.substr(std::min(end + (url[end] == '/' ? 1 : 0), url.size()))};
}

Result<Bytes> fetch_through(const Place& place, const std::string& proxy, const UrlRequest& wanted, Deadline deadline) {
  HttpOptions options;
  options.connect_timeout = std::min(options.connect_timeout, wanted.timeout);
  options.ca_file = wanted.ca_file;
  options.proxy = proxy;
  const auto transport = TRY(open_transport(place.server, options));
  GetRequest request;
  request.path = place.path;
  request.limit_bytes = wanted.limit_bytes;
  request.deadline = deadline;
  request.method = wanted.method;
  request.headers = wanted.headers;
  const auto answer = std::make_shared<std::promise<Result<Bytes>>>();
  auto arrived = answer->get_future();
  const auto transfer =
      transport->get(std::move(request), [answer](Result<Bytes> result) { answer->set_value(std::move(result)); });
  return arrived.get();
}
}  // namespace

Result<Bytes> fetch_url(const UrlRequest& request) {
  TRY(check(request));
  const Place place = TRY(split(request.url));
  ProxyGroups groups{{""}};
  if (!request.proxies.empty()) groups = TRY(proxies_for(place.server, {request.proxies, {}, false}));
  const Deadline deadline = Clock::now() + request.timeout;
  Result<Bytes> last = Error{Code::kUnavailable, "no way to " + place.server};
  for (const auto& group : groups) {
    for (const std::string& proxy : group) {
      last = fetch_through(place, proxy, request, deadline);
      if (last || last.error().code != Code::kUnavailable) return last;
    }
  }
  return last;
}

}  // namespace granary
