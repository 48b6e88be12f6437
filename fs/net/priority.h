// Priority and Deadline: how urgent work on the network is, and when it is too late.
#pragma once

#include <chrono>

namespace granary {

// Demand: somebody waits for it. Prefetch: somebody may want it later; never in demand's way.
enum class Priority { kDemand, kPrefetch };

using Deadline = std::chrono::steady_clock::time_point;

}  // namespace granary
