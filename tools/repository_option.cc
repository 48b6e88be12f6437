#include "tools/repository_option.h"

#include <memory>

namespace granary {

void accept_repository_option(CLI::App& app, std::string& where, std::string& snapshot) {
  CLI::Option* const first = app.get_option(app.get_option_no_throw("WHERE") != nullptr ? "WHERE" : "DIR");
  CLI::Option* const named = app.get_option(app.get_option_no_throw("SNAPSHOT") != nullptr ? "SNAPSHOT" : "--snapshot");
  first->required(false);
  const auto repository = std::make_shared<std::string>();
  app.add_option("-r,--repo", *repository, "the repository; then the first word is the snapshot");
  app.parse_complete_callback([first, named, repository, &where, &snapshot] {
    if (repository->empty()) {
      if (where.empty()) throw CLI::RequiredError(first->get_name(true));
      return;
    }
    if (!where.empty() && named->count() > 0) throw CLI::ExtrasError({snapshot});
    if (!where.empty()) snapshot = where;
    where = *repository;
  });
}

}  // namespace granary
