// Proxies: which of them may lead to a URL, and in which order. A list has groups, divided by ";", which are tried one
// after the other; the members of a group, divided by "|", share the load. "DIRECT" stands for no proxy at all:
//   http://squid1:3128|http://squid2:3128;http://user:secret@backup:3128;DIRECT
// The words of PAC files are understood, too ("PROXY squid1:3128; DIRECT"). "auto" stands for what a ProxyFinder says.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "fs/base/result.h"

namespace granary {

// URLs as curl wants them, "" for none at all; group by group.
using ProxyGroups = std::vector<std::vector<std::string>>;

// kInvalid: an empty list or member, or a proxy without a port. No message holds a password.
Result<ProxyGroups> parse_proxy_list(const std::string& text);

// ProxyFinder: the seam for whoever knows the way: a list, the environment, an interpreter of PAC files.
class ProxyFinder {
 public:
  virtual ~ProxyFinder() = default;
  virtual Result<ProxyGroups> find(const std::string& url) = 0;
};

// The same for every URL.
class FixedProxies : public ProxyFinder {
 public:
  explicit FixedProxies(ProxyGroups groups) : groups_(std::move(groups)) {}
  Result<ProxyGroups> find(const std::string&) override { return groups_; }

 private:
  const ProxyGroups groups_;
};

// http_proxy, https_proxy, all_proxy and no_proxy, as curl reads them (HTTP_PROXY is not: CGI programs get it from
// strangers). Like curl, no_proxy knows domains, addresses, and networks such as 10.0.0.0/8.
class EnvironmentProxies : public ProxyFinder {
 public:
  Result<ProxyGroups> find(const std::string& url) override;
};

// Runs a program with the URL as its argument; it prints a list as above. Ten seconds, then kUnavailable.
class CommandProxies : public ProxyFinder {
 public:
  explicit CommandProxies(std::string program) : program_(std::move(program)) {}
  Result<ProxyGroups> find(const std::string& url) override;

 private:
  const std::string program_;
};

struct ProxyOptions {
  std::string list{};          // empty: "auto"
  std::string command{};       // whom "auto" asks; empty: the environment
  bool forbid_direct = false;  // no request without a proxy
};

// All that leads to `url`; members of a group in an order of chance, so that many clients spread.
//   kInvalid      the list is wrong, or nothing is left without going directly
//   kUnavailable  the program failed
Result<ProxyGroups> proxies_for(const std::string& url, const ProxyOptions& options);

// A place that has the repository, and what may lead there.
struct SourceWay {
  std::string url;
  ProxyGroups proxies;
};
// To each of `urls`, in their order. May run a program and read the environment: where that is forbidden later, ask
// before. kBadUrl, and as proxies_for.
Result<std::vector<SourceWay>> ways_to(const std::vector<std::string>& urls, const ProxyOptions& options);

}  // namespace granary
