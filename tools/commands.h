// Every command, by name. See tools/command.h.
#pragma once

namespace granary {

struct Command;

extern const Command kBootCommand;
extern const Command kBranchCommand;
extern const Command kBugreportCommand;
extern const Command kCacheCommand;
extern const Command kCatCommand;
extern const Command kCheckCommand;
extern const Command kCompletionCommand;
extern const Command kCookCommand;
extern const Command kDiffCommand;
extern const Command kExportCommand;
extern const Command kFillCommand;
extern const Command kRemountCommand;
extern const Command kRecipeCommand;
extern const Command kRecookCommand;
extern const Command kGcCommand;
extern const Command kInitCommand;
extern const Command kInspectCommand;
extern const Command kLockCommand;
extern const Command kLogCommand;
extern const Command kLsCommand;
extern const Command kKeyCommand;
extern const Command kManCommand;
extern const Command kMetricsCommand;
extern const Command kMicroCommand;
extern const Command kMirrorCommand;
extern const Command kMountCommand;
extern const Command kProbeCommand;
extern const Command kProfileCommand;
extern const Command kPinCommand;
extern const Command kPrefetchCommand;
extern const Command kPublishCommand;
extern const Command kRollbackCommand;
extern const Command kServeCommand;
extern const Command kShellCommand;
extern const Command kShowconfigCommand;
extern const Command kStatCommand;
extern const Command kTagCommand;
extern const Command kTraceCommand;
extern const Command kTransactionCommand;
extern const Command kUmountCommand;
extern const Command kUpgradeCommand;
extern const Command kUnpinCommand;
extern const Command kRenewCommand;
extern const Command kSignCommand;
extern const Command kWithdrawCommand;

}  // namespace granary
