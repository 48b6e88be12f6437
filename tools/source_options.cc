#include "tools/source_options.h"

#include "fs/client/repository_view.h"

namespace granary {

void add_source_options(CLI::App& app, SourceOptions& options, CLI::Option* where) {
  const std::vector<CLI::Option*> added{
      app.add_option("--mirror", options.mirrors, "another place that has the repository; may be repeated")
          ->allow_extra_args(false),
      app.add_option("--proxy", options.proxies.list,
                     "HTTP proxies: | between those that share the load, ; before those that are asked when these "
                     "fail; DIRECT: none; auto: what http_proxy, https_proxy and no_proxy say (default)"),
      app.add_option("--proxy-command", options.proxies.command,
                     "a program that prints such a list for the URL that it is given; asked for auto"),
      app.add_flag("--forbid-direct", options.proxies.forbid_direct, "fetch through proxies only"),
      app.add_option("--ca", options.ca, "PEM file of authorities to trust besides the system's, for https://"),
  };
  for (CLI::Option* option : added) {
    if (where != nullptr) option->needs(where);
  }
}

Status lead_to_sources(ConnectionOptions& how, const SourceOptions& options) {
  std::vector<std::string> urls{how.url};
  for (const std::string& mirror : options.mirrors) urls.push_back(TRY(repository_url(mirror)));
  how.ways = TRY(ways_to(urls, options.proxies));
  how.ca_file = options.ca;
  return Done{};
}

}  // namespace granary
