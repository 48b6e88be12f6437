// Where a server listens: ADDRESS:PORT or unix:PATH, as people write it.
#pragma once

#include <string>

#include "fs/base/result.h"
#include "fs/base/unique_fd.h"

namespace granary {

// A listening socket that never waits; `family` becomes its address family. "[::1]:80" is IPv6, ":80" any address.
//   kInvalid  not an ADDRESS:PORT
//   kBusy     somebody else listens there
Result<UniqueFd> listen_on(const std::string& listen, int& family);

// "http://127.0.0.1:8000"
Result<std::string> url_of_listener(int fd);

// A unix socket of mode 0660 in place of one that nobody listens at any more; never of any other file.
Result<UniqueFd> listen_on_path(const std::string& path);

}  // namespace granary
