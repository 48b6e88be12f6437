// Every command, by name. See tools/command.h.
#pragma once

namespace granary {

struct Command;

extern const Command kCompletionCommand;
extern const Command kManCommand;
extern const Command kMountCommand;
extern const Command kUmountCommand;

}  // namespace granary
