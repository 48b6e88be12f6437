// Who answers at all: a metadata server that is not there must not cost its full patience, source after source.
#pragma once

#include <chrono>
#include <string>
#include <vector>

namespace granary {

// Which of these servers, "http://192.0.2.1[:80]/…", take a connection within `timeout`; all are tried at once. What is
// not named by an IPv4 address counts as reachable: only asking can tell.
std::vector<bool> reachable(const std::vector<std::string>& urls, std::chrono::milliseconds timeout);

}  // namespace granary
