// ip=, several words of it, a line each.
#include "initramfs/network/ip_parameter.h"

#include "fuzz/planned.h"

namespace granary {

void try_input(ByteView input) {
  std::vector<std::string> words;
  while (!input.empty() && words.size() < 100) {
    const size_t end = input.find('\n');
    words.emplace_back(input.substr(0, end));
    input.remove_prefix(end == ByteView::npos ? input.size() : end + 1);
  }
  check_plan(parse_ip_parameters(words));
}

}  // namespace granary
