// crash_point: a place where a test may kill the program, to prove that what was written so far does no harm.
// `GRANARY_CRASH_AT=NAME granary publish …` ends the process with SIGKILL at the point of that name, as a power cut
// would; `NAME:3` at the third time it is passed. `GRANARY_STOP_AT` likewise stops it with SIGSTOP, so that something
// else can happen first. Costs two comparisons otherwise. Ignored by set-user-id programs.
#pragma once

namespace granary {

void crash_point(const char* name);

}  // namespace granary
