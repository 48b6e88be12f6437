#include "tools/commands.h"

#include "tools/command.h"

namespace granary {

const std::vector<Command>& commands() {
  static const std::vector<Command> kCommands{
      kInitCommand,
      kPublishCommand,
      kMountCommand,
      kUmountCommand,
      kStatCommand,
      kServeCommand,
      kManCommand,
      kCompletionCommand,
  };
  return kCommands;
}

}  // namespace granary
