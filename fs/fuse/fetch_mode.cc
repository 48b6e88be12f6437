#include "fs/fuse/fetch_mode.h"

#include <getopt.h>
#include <unistd.h>

#include <cstdio>

#include "fs/base/file.h"
#include "fs/base/size.h"
#include "fs/base/time.h"
#include "fs/fuse/privileges.h"
#include "fs/fuse/sandbox.h"
#include "fs/net/fetch_url.h"

namespace granary {

namespace {
constexpr int kWrongCommandLine = 2;
constexpr int64_t kLongestSeconds = 24 * 3600;

constexpr const char* kHelp =
    "usage: granary-mount --fetch [OPTIONS] URL\n"
    "Fetches one document over HTTP and prints it. Asks once.\n\n"
    "  --header 'NAME: VALUE'  sent with the request; may be repeated. No redirect is followed then\n"
    "  --method METHOD         instead of GET; always without a body\n"
    "  --limit SIZE            the longest answer that is taken (default: 1M)\n"
    "  --timeout TIME          in seconds, or such as 2m, for all of it (default: 16)\n"
    "  --ca FILE               PEM file of authorities to trust besides the system's\n"
    "  --proxy LIST            as granary-mount --proxy; \"auto\" for http_proxy and so on (default: none, whatever\n"
    "                          the environment says: what a cloud tells a machine does not go through a proxy)\n"
    "  --output FILE           instead of standard output: replaced when all has come, mode 0600\n\n"
    "Example, a token of EC2's metadata server:\n"
    "  granary-mount --fetch --method PUT --header 'X-aws-ec2-metadata-token-ttl-seconds: 300' \\\n"
    "      http://169.254.169.254/latest/api/token\n\n"
    "Exit status: 0 it came, 2 wrong command line, 4 the server does not have it (404, 410), 5 it cannot be had now\n"
    "(no answer, any other status), 7 the certificate is not trusted, 15 bad URL, 22 longer than --limit.\n";

struct FetchOptions {
  UrlRequest request;
  std::string output;
  bool help = false;
};

Status set(FetchOptions& options, const std::string& name, const std::string& value) {
  UrlRequest& request = options.request;
  if (name == "help") return options.help = true, Done{};
  if (name == "header") return request.headers.push_back(value), Done{};
  if (name == "method") return request.method = value, Done{};
  if (name == "ca") return request.ca_file = value, Done{};
  if (name == "proxy") return request.proxies = value, Done{};
  if (name == "output") return options.output = value, Done{};
  if (name == "limit") return request.limit_bytes = TRY_WITHIN("bad --limit", parse_size(value)), Done{};
  const bool is_number = value.find_first_not_of("0123456789") == std::string::npos;
  const int64_t seconds = TRY_WITHIN("bad --timeout", parse_duration_seconds(is_number ? value + "s" : value));
  if (seconds > kLongestSeconds) return Error{Code::kInvalid, "bad --timeout: at most a day"};
  return request.timeout = std::chrono::seconds(seconds), Done{};
}

Result<FetchOptions> parse(const std::vector<std::string>& arguments) {
  static const option kOptions[] = {{"help", no_argument, nullptr, 0},
                                    {"header", required_argument, nullptr, 0},
                                    {"method", required_argument, nullptr, 0},
                                    {"limit", required_argument, nullptr, 0},
                                    {"timeout", required_argument, nullptr, 0},
                                    {"ca", required_argument, nullptr, 0},
                                    {"proxy", required_argument, nullptr, 0},
                                    {"output", required_argument, nullptr, 0},
                                    {nullptr, 0, nullptr, 0}};
  FetchOptions out;
  std::vector<std::string> words{"granary-mount"};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  const int count = static_cast<int>(words.size());
  optind = 0;
  opterr = 0;
  int index = 0;
  for (int found = 0; (found = ::getopt_long(count, argv.data(), "", kOptions, &index)) != -1;) {
    if (found != 0) return Error{Code::kInvalid, "unknown option, or one without its value"};
    TRY(set(out, kOptions[index].name, optarg == nullptr ? "" : optarg));
  }
  if (out.help) return out;
  if (optind + 1 != count) return Error{Code::kInvalid, str("expected one URL, got ", count - optind)};
  out.request.url = argv[static_cast<size_t>(optind)];
  return out;
}

// What answers is a stranger; what it says is looked at without any right to do more than fetch and write it down.
Status give_up_privileges(const FetchOptions& options) {
  SandboxRules rules;
  rules.readable = system_files();
  rules.readable.push_back(options.request.ca_file);
  if (!options.output.empty()) rules.writable.push_back(parent_of(options.output));
  TRY(become({::geteuid(), ::getegid(), "ourselves"}));
  TRY(enter_sandbox(rules));
  return Done{};
}

Status fetch(const FetchOptions& options) {
  TRY(give_up_privileges(options));
  const Bytes document = TRY(fetch_url(options.request));
  if (options.output.empty()) return write_all(STDOUT_FILENO, document);
  return replace_file(options.output, document, 0600, Durability::kFast);
}
}  // namespace

int run_fetch(const std::vector<std::string>& arguments) {
  const auto options = parse(arguments);
  if (!options) {
    std::fprintf(stderr, "granary-mount: %s; see granary-mount --fetch --help\n", options.error().message.c_str());
    return kWrongCommandLine;
  }
  if (options->help) return std::fputs(kHelp, stdout) < 0;
  const Status fetched = fetch(*options);
  if (fetched) return 0;
  std::fprintf(stderr, "granary-mount: %s\n", fetched.error().message.c_str());
  return static_cast<int>(fetched.error().code);
}

}  // namespace granary
