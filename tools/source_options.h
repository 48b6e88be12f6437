// SourceOptions: how a command reaches a repository without a mount: mirrors, proxies, certificates. The words are
// those of `granary mount`.
#pragma once

#include <string>
#include <vector>

#include "fs/client/connection.h"
#include "fs/net/proxy_list.h"
#include "tools/command.h"

namespace granary {

struct SourceOptions {
  std::vector<std::string> mirrors;  // URLs or directories
  ProxyOptions proxies;
  std::string ca;  // PEM file of authorities to trust besides the system's
};
// `where`: the option that takes the repository, if these go with it only.
void add_source_options(CLI::App& app, SourceOptions& options, CLI::Option* where = nullptr);

// Fills in `how.ways` and `how.ca_file`; `how.url` is there already.
Status lead_to_sources(ConnectionOptions& how, const SourceOptions& options);

}  // namespace granary
