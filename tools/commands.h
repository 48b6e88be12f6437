// Every command, by name. See tools/command.h.
#pragma once

namespace granary {

struct Command;

extern const Command kCompletionCommand;
extern const Command kInitCommand;
extern const Command kManCommand;
extern const Command kPublishCommand;
extern const Command kMountCommand;
extern const Command kStatCommand;
extern const Command kUmountCommand;
extern const Command kServeCommand;

}  // namespace granary
