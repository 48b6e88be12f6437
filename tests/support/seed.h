// Randomness that can be had again: the seed is printed, and GRANARY_SEED sets it.
#pragma once

#include <cstdlib>
#include <iostream>
#include <random>

namespace granary {

inline std::mt19937_64 seeded_random() {
  const char* given = std::getenv("GRANARY_SEED");
  const uint64_t seed = given != nullptr ? std::strtoull(given, nullptr, 10) : std::random_device{}();
  std::cout << "GRANARY_SEED=" << seed << std::endl;
  return std::mt19937_64(seed);
}

}  // namespace granary
