#include "fs/net/transport.h"

#include <curl/curl.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "fs/base/file.h"
#include "fs/net/file_transport.h"
#include "fs/net/http_transport.h"
#include "fs/net/proxy_list.h"

namespace granary {

namespace {
constexpr size_t kMaxCertificatesBytes = size_t{16} << 20;

struct FreeUrl {
  void operator()(CURLU* url) const { curl_url_cleanup(url); }
};

class ParsedUrl {
 public:
  static Result<ParsedUrl> parse(const std::string& text) {
    ParsedUrl url;
    const CURLUcode outcome = curl_url_set(url.url_.get(), CURLUPART_URL, text.c_str(), 0);
    if (outcome == CURLUE_OK) return url;
    return Error{Code::kBadUrl, str("\"", printable(text), "\" is no URL: use http://, https:// or file:///")};
  }
  std::string part(CURLUPart which, unsigned flags = 0) const {
    char* raw = nullptr;
    if (curl_url_get(url_.get(), which, &raw, flags) != CURLUE_OK) return {};
    std::string text = raw;
    curl_free(raw);
    return text;
  }

 private:
  std::unique_ptr<CURLU, FreeUrl> url_{curl_url()};
};

Error bad_url(const std::string& text, const std::string& why) {
  return {Code::kBadUrl, str("cannot fetch from ", printable(text), ": ", why)};
}

// Curl would say the same, but only with the first request, and in its own words.
Status check_certificates(const std::string& file) {
  if (file.empty()) return Done{};
  const Bytes text = TRY_WITHIN("cannot use the certificates of --ca", read_file(file, kMaxCertificatesBytes));
  const std::unique_ptr<BIO, decltype(&BIO_free)> in(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())),
                                                     &BIO_free);
  size_t count = 0;
  while (X509* const certificate = PEM_read_bio_X509_AUX(in.get(), nullptr, nullptr, nullptr)) {
    X509_free(certificate);
    ++count;
  }
  const bool at_end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
  ERR_clear_error();
  if (count > 0 && at_end) return Done{};
  return Error{Code::kInvalid, str("cannot use the certificates of --ca: ", printable(file), " has ",
                                   at_end ? "none" : "one that is damaged", "; PEM files are understood")};
}

std::string without_trailing_slashes(std::string text) {
  while (text.size() > 1 && text.back() == '/') text.pop_back();
  return text;
}

Result<std::unique_ptr<Transport>> open_one(const std::string& text, const HttpOptions& options,
                                            const std::optional<std::string>& proxy, int group,
                                            std::shared_ptr<HttpEngine>& engine) {
  const ParsedUrl url = TRY(ParsedUrl::parse(text));
  const std::string scheme = url.part(CURLUPART_SCHEME);
  const bool has_more = !url.part(CURLUPART_QUERY).empty() || !url.part(CURLUPART_FRAGMENT).empty();
  if (has_more) return bad_url(text, "a repository's URL has no \"?\" and no \"#\"");
  if (scheme == "file") {
    const std::string directory = without_trailing_slashes(url.part(CURLUPART_PATH, CURLU_URLDECODE));
    if (!directory.starts_with("/")) return bad_url(text, "use file:///DIRECTORY");
    return std::unique_ptr<Transport>(new FileTransport(without_trailing_slashes(text), directory));
  }
  if (scheme != "http" && scheme != "https") return bad_url(text, "use http://, https:// or file:///");
  const bool has_secret = !url.part(CURLUPART_USER).empty() || !url.part(CURLUPART_PASSWORD).empty();
  if (has_secret) return Error{Code::kBadUrl, "a repository's URL may not hold a user name or password"};
  if (engine == nullptr) engine = TRY(HttpEngine::start(options));
  return std::unique_ptr<Transport>(
      new HttpTransport(without_trailing_slashes(url.part(CURLUPART_URL)), engine, proxy, group));
}
}  // namespace

Result<std::vector<std::unique_ptr<Transport>>> open_transports(const std::vector<std::string>& urls,
                                                                const HttpOptions& options) {
  TRY(check_certificates(options.ca_file));
  std::vector<std::unique_ptr<Transport>> transports;
  std::shared_ptr<HttpEngine> engine;
  for (const std::string& url : urls) transports.push_back(TRY(open_one(url, options, options.proxy, 0, engine)));
  return transports;
}

Result<std::vector<std::unique_ptr<Transport>>> open_sources(const std::vector<SourceWay>& ways,
                                                             const HttpOptions& options) {
  TRY(check_certificates(options.ca_file));
  std::vector<std::unique_ptr<Transport>> transports;
  std::shared_ptr<HttpEngine> engine;
  for (const SourceWay& way : ways) {
    for (size_t group = 0; group < way.proxies.size(); ++group) {
      for (const std::string& proxy : way.proxies[group])
        transports.push_back(TRY(open_one(way.url, options, proxy, static_cast<int>(group), engine)));
    }
  }
  return transports;
}

Result<std::unique_ptr<Transport>> open_transport(const std::string& url, const HttpOptions& options) {
  TRY(check_certificates(options.ca_file));
  std::shared_ptr<HttpEngine> engine;
  return open_one(url, options, options.proxy, 0, engine);
}

std::string public_url(const std::string& url) {
  const size_t scheme = url.find("://");
  if (scheme == std::string::npos) return url;
  const size_t host = scheme + 3;
  const size_t at = url.substr(0, url.find('/', host)).rfind('@');
  return at == std::string::npos || at < host ? url : url.substr(0, host) + url.substr(at + 1);
}

}  // namespace granary
