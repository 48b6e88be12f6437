// A configuration: whatever it says, what was understood of it can be written down and is understood as the same.
#include "fs/fuse/configuration.h"

#include "fuzz/fuzz.h"

namespace granary {

namespace {
const std::string kFile = "f";

void write_section(Bytes& out, const Configuration::Section& section) {
  for (const auto& entry : section.entries) out += entry.key + " = " + entry.value + "\n";
  for (const Setting& setting : section.settings) {
    promise(setting.option != nullptr && !setting.origin.empty(), "a setting has an option and an origin");
    out += setting.option->key() + " = " + setting.value + "\n";
  }
}

bool same_words(const Configuration::Section& a, const Configuration::Section& b) {
  Bytes first;
  Bytes second;
  write_section(first, a);
  write_section(second, b);
  return first == second;
}
}  // namespace

void try_input(ByteView input) {
  Configuration first;
  first.add(input, kFile);
  for (const auto& problem : first.problems())
    promise(problem.text.starts_with(kFile + ":"), "a problem has file and line");
  Bytes written = "[defaults]\n";
  write_section(written, first.defaults());
  for (const auto& [name, section] : first.repositories()) {
    written += "[repository " + name + "]\n";
    write_section(written, section);
  }
  Configuration second;
  second.add(written, kFile);
  promise(same_words(first.defaults(), second.defaults()), "the defaults come back");
  promise(first.repositories().size() == second.repositories().size(), "so do the repositories");
  for (const auto& [name, section] : first.repositories())
    promise(same_words(section, second.repositories().at(name)), "and what each says");
  const std::string masked = without_passwords(std::string(input));
  promise(without_passwords(masked) == masked, "passwords are masked once and for all");
}

}  // namespace granary
