#include "builder/tree/enclosure.h"
#include "builder/tree/install.h"

namespace granary {

Result<int> run_in_tree(const std::string& root, const std::vector<std::string>& command) {
  EnclosureOptions options;
  options.root = root;
  Enclosure enclosure = TRY(Enclosure::begin(options));
  EnclosedCommand enclosed;
  enclosed.words = command;
  return enclosure.run(enclosed);
}

}  // namespace granary
