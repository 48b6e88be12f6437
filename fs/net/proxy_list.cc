#include "fs/net/proxy_list.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <random>
#include <string_view>

#include "fs/base/bytes.h"
#include "fs/base/file.h"
#include "fs/net/transport.h"

extern char** environ;

namespace granary {

namespace {
constexpr std::chrono::seconds kPatience{10};
constexpr size_t kMaxAnswerBytes = 65536;
const std::string kDirect;
// A member that stands for others.
const std::string kAuto = "auto";

std::string_view trimmed(std::string_view text) {
  const char* const blank = " \t\r\n";
  const size_t first = text.find_first_not_of(blank);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(blank) - first + 1);
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> out;
  for (size_t from = 0; from <= text.size();) {
    const size_t end = std::min(text.find(separator, from), text.size());
    out.push_back(trimmed(text.substr(from, end - from)));
    from = end + 1;
  }
  return out;
}

Error bad_list(const std::string& why) {
  return {Code::kInvalid,
          "cannot use the list of proxies: " + why + "; such as http://squid1:3128|http://squid2:3128;DIRECT"};
}

// "PROXY host:port" as PAC files say it: the scheme is the first word.
std::string with_scheme(std::string_view member) {
  static constexpr std::array<std::pair<std::string_view, std::string_view>, 6> kWords{{{"PROXY ", "http://"},
                                                                                        {"HTTP ", "http://"},
                                                                                        {"HTTPS ", "https://"},
                                                                                        {"SOCKS ", "socks5h://"},
                                                                                        {"SOCKS5 ", "socks5h://"},
                                                                                        {"SOCKS4 ", "socks4a://"}}};
  for (const auto& [word, scheme] : kWords) {
    if (member.starts_with(word)) return std::string(scheme) + std::string(trimmed(member.substr(word.size())));
  }
  return (member.find("://") == std::string_view::npos ? "http://" : "") + std::string(member);
}

Result<std::string> parse_member(std::string_view member) {
  if (member.empty()) return bad_list("an empty member");
  if (member == "DIRECT" || member == "direct") return kDirect;
  if (member == kAuto) return kAuto;
  std::string url = with_scheme(member);
  while (url.back() == '/') url.pop_back();
  const std::string shown = printable(public_url(url));
  const size_t scheme_end = url.find("://");
  const std::string scheme = url.substr(0, scheme_end);
  static constexpr std::array kSchemes{"http", "https", "socks4", "socks4a", "socks5", "socks5h"};
  if (std::find(kSchemes.begin(), kSchemes.end(), scheme) == kSchemes.end())
    return bad_list("\"" + shown + "\" is none: http://, https:// and socks5:// are understood");
  const std::string authority = url.substr(url.find_last_of("@/") + 1);
  const size_t colon = authority.rfind(':');
  const bool has_port = colon != std::string::npos && colon > 0 && colon + 1 < authority.size() &&
                        authority.find_first_not_of("0123456789", colon + 1) == std::string::npos;
  if (!has_port || url.find_first_of(" \t\"<>") != std::string::npos)
    return bad_list("\"" + shown + "\" is not HOST:PORT");
  return url;
}

std::string variable(const std::string& name, bool uppercase_too = true) {
  if (const char* const value = std::getenv(name.c_str()); value != nullptr && *value != '\0') return value;
  if (!uppercase_too) return {};
  std::string upper = name;
  std::transform(upper.begin(), upper.end(), upper.begin(), [](unsigned char c) { return std::toupper(c); });
  const char* const value = std::getenv(upper.c_str());
  return value == nullptr ? "" : value;
}

std::string host_of(const std::string& url) {
  const size_t from = url.find("://") + 3;
  std::string authority = url.substr(from, url.find('/', from) - from);
  if (authority.starts_with("[")) return authority.substr(1, authority.find(']') - 1);
  return authority.substr(0, authority.find(':'));
}

// "10.0.0.0/8" and an address in it.
bool is_in_network(const std::string& host, const std::string& network) {
  const size_t slash = network.find('/');
  if (slash == std::string::npos) return false;
  for (const int family : {AF_INET, AF_INET6}) {
    std::array<unsigned char, 16> address{}, base{};
    const bool both = ::inet_pton(family, host.c_str(), address.data()) == 1 &&
                      ::inet_pton(family, network.substr(0, slash).c_str(), base.data()) == 1;
    if (!both) continue;
    const int bits = std::atoi(network.c_str() + slash + 1);
    if (bits < 0 || bits > (family == AF_INET ? 32 : 128)) return false;
    for (int bit = 0; bit < bits; ++bit) {
      const auto byte = static_cast<size_t>(bit / 8);
      if (((address.at(byte) ^ base.at(byte)) & (0x80 >> (bit % 8))) != 0) return false;
    }
    return true;
  }
  return false;
}

bool needs_no_proxy(const std::string& host) {
  std::string list = variable("no_proxy");
  std::replace(list.begin(), list.end(), ' ', ',');
  for (std::string_view entry : split(list, ',')) {
    if (entry == "*") return true;
    while (entry.starts_with(".")) entry.remove_prefix(1);
    if (entry.empty()) continue;
    const std::string name(entry.substr(0, entry.starts_with("[") ? entry.size() : entry.find(':')));
    if (host == name || host.ends_with("." + name) || is_in_network(host, std::string(entry))) return true;
  }
  return false;
}

// Runs `program url` and gathers what it prints.
Result<std::string> output_of(const std::string& program, const std::string& url) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return system_error(errno, "cannot run " + program);
  UniqueFd read_end(ends[0]), write_end(ends[1]);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, write_end.get(), 1);
  std::string name = program, argument = url;
  std::array<char*, 3> arguments{name.data(), argument.data(), nullptr};
  pid_t pid = -1;
  const int failure = ::posix_spawnp(&pid, program.c_str(), &actions, nullptr, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  write_end.reset();
  if (failure != 0) return system_error(failure, "cannot run " + program);
  std::string text;
  const auto until = std::chrono::steady_clock::now() + kPatience;
  bool ended = false;
  while (!ended && text.size() < kMaxAnswerBytes) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - std::chrono::steady_clock::now());
    pollfd ready{read_end.get(), POLLIN, 0};
    if (left.count() <= 0 || ::poll(&ready, 1, static_cast<int>(left.count())) == 0) break;
    std::array<char, 4096> part{};
    const ssize_t n = ::read(read_end.get(), part.data(), part.size());
    if (n < 0 && errno == EINTR) continue;
    ended = n <= 0;
    if (n > 0) text.append(part.data(), static_cast<size_t>(n));
  }
  if (!ended) ::kill(pid, SIGKILL);
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  if (ended && WIFEXITED(status) && WEXITSTATUS(status) == 0) return text;
  return Error{Code::kUnavailable, str("no list of proxies from ", printable(program), ": ",
                                       ended ? "it failed" : "it does not end, or says too much")};
}

Result<ProxyGroups> found_for(const std::string& url, const ProxyOptions& options) {
  if (!options.command.empty()) return CommandProxies(options.command).find(url);
  return EnvironmentProxies().find(url);
}
}  // namespace

Result<ProxyGroups> parse_proxy_list(const std::string& text) {
  ProxyGroups groups;
  for (const std::string_view group : split(text, ';')) {
    if (group.empty() && !groups.empty()) continue;  // PAC files like to end with ";"
    auto& members = groups.emplace_back();
    for (const std::string_view member : split(group, '|')) members.push_back(TRY(parse_member(member)));
    if (members.size() > 1 && std::find(members.begin(), members.end(), kAuto) != members.end())
      return bad_list("auto makes groups of its own: auto;DIRECT");
  }
  return groups;
}

Result<ProxyGroups> EnvironmentProxies::find(const std::string& url) {
  const bool is_https = url.starts_with("https:");
  std::string proxy = variable(is_https ? "https_proxy" : "http_proxy", is_https);
  if (proxy.empty()) proxy = variable("all_proxy");
  if (proxy.empty() || needs_no_proxy(host_of(url))) return ProxyGroups{{kDirect}};
  return ProxyGroups{{with_scheme(proxy)}};
}

Result<ProxyGroups> CommandProxies::find(const std::string& url) {
  const std::string text = TRY(output_of(program_, url));
  auto groups = parse_proxy_list(std::string(trimmed(text)));
  if (!groups) return groups.error().within("what " + printable(program_) + " says");
  for (const auto& group : *groups) {
    if (group.front() == kAuto) return bad_list("auto, from " + printable(program_));
  }
  return groups;
}

Result<ProxyGroups> proxies_for(const std::string& url, const ProxyOptions& options) {
  ProxyGroups groups;
  for (auto& group : TRY(parse_proxy_list(options.list.empty() ? kAuto : options.list))) {
    if (group.front() != kAuto) {
      groups.push_back(std::move(group));
      continue;
    }
    const ProxyGroups found = TRY(found_for(url, options));
    groups.insert(groups.end(), found.begin(), found.end());
  }
  static thread_local std::mt19937 chance{std::random_device{}()};
  for (auto& group : groups) {
    if (options.forbid_direct) std::erase(group, kDirect);
    std::shuffle(group.begin(), group.end(), chance);
  }
  std::erase_if(groups, [](const auto& group) { return group.empty(); });
  if (groups.empty())
    return Error{Code::kInvalid, str("no way to ", printable(public_url(url)),
                                     ": there is no proxy, and going directly is forbidden; name one with --proxy")};
  return groups;
}

Result<std::vector<SourceWay>> ways_to(const std::vector<std::string>& urls, const ProxyOptions& options) {
  std::vector<SourceWay> ways;
  for (const std::string& url : urls) {
    const bool is_file = url.starts_with("file:");
    if (url.find("://") == std::string::npos)
      return Error{Code::kBadUrl, str("\"", printable(url), "\" is no URL: use http://, https:// or file:///")};
    SourceWay way{url, ProxyGroups{{kDirect}}};
    if (!is_file) way.proxies = TRY(proxies_for(url, options));
    ways.push_back(std::move(way));
  }
  return ways;
}

}  // namespace granary
