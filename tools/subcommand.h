// Subcommand: what stands behind the name of a command that is several: `granary key rotate`, `granary profile attach`.
#pragma once

#include <memory>

#include "tools/command.h"

namespace granary {

struct Subcommand {
  const char* name;
  const char* summary;
  Action (*define)(CLI::App& app);
};

// Declares all of them on `app`, of which one has to be given; what to do is what that one does.
template <size_t kCount>
Action define_subcommands(CLI::App& app, const Subcommand (&subcommands)[kCount]) {
  const auto chosen = std::make_shared<Action>();
  app.require_subcommand(1);
  for (const Subcommand& subcommand : subcommands) {
    CLI::App* sub = app.add_subcommand(subcommand.name, subcommand.summary);
    const Action action = subcommand.define(*sub);
    sub->callback([chosen, action] { *chosen = action; });
  }
  return [chosen](Io& io) { return (*chosen)(io); };
}

}  // namespace granary
