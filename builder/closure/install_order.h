// The order in which packages are unpacked and configured: each after what it depends on. Where packages depend on each
// other in a circle, those come first that miss least, and then by name: the order depends on nothing else.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace granary {

// A package among those to be ordered; the others by their numbers.
struct OrderedPackage {
  std::string name;
  bool essential = false;
  std::vector<uint32_t> pre_depends;
  std::vector<uint32_t> depends;  // those above not repeated
};

// Numbers of the packages, first to last.
std::vector<uint32_t> install_order(const std::vector<OrderedPackage>& packages);

}  // namespace granary
