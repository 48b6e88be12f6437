#include "fs/format/profile_trace.h"
#include "fuzz/fuzz.h"

void granary::try_input(ByteView input) { try_document<Trace>(input); }
