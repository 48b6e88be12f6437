#include "tools/commands.h"

#include "tools/command.h"

namespace granary {

const std::vector<Command>& commands() {
  static const std::vector<Command> kCommands{
      kInitCommand,
      kPublishCommand,
      kTransactionCommand,
      kLogCommand,
      kDiffCommand,
      kLsCommand,
      kCatCommand,
      kBranchCommand,
      kTagCommand,
      kRollbackCommand,
      kServeCommand,
      kMountCommand,
      kUmountCommand,
      kStatCommand,
      kInspectCommand,
      kKeyCommand,
      kSignCommand,
      kRenewCommand,
      kManCommand,
      kCompletionCommand,
  };
  return kCommands;
}

}  // namespace granary
