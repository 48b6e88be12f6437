#include "tools/commands.h"

#include "tools/command.h"

namespace granary {

const std::vector<Command>& commands() {
  // One a line, so that two landings do not meet.
  // clang-format off
  static const std::vector<Command> kCommands{
      kInitCommand,
      kRecipeCommand,
      kCookCommand,
      kRecookCommand,
      kLockCommand,
      kPublishCommand,
      kProfileCommand,
      kTransactionCommand,
      kLogCommand,
      kDiffCommand,
      kLsCommand,
      kCatCommand,
      kExportCommand,
      kBranchCommand,
      kTagCommand,
      kRollbackCommand,
      kServeCommand,
      kCheckCommand,
      kGcCommand,
      kMirrorCommand,
      kWithdrawCommand,
      kMountCommand,
      kUmountCommand,
      kShellCommand,
      kBootCommand,
      kUpgradeCommand,
      kRemountCommand,
      kPrefetchCommand,
      kFillCommand,
      kPinCommand,
      kUnpinCommand,
      kCacheCommand,
      kStatCommand,
      kShowconfigCommand,
      kMetricsCommand,
      kProbeCommand,
      kTraceCommand,
      kBugreportCommand,
      kInspectCommand,
      kKeyCommand,
      kSignCommand,
      kRenewCommand,
      kMicroCommand,
      kManCommand,
      kCompletionCommand,
  };
  // clang-format on
  return kCommands;
}

}  // namespace granary
