#include "fs/format/snapshot.h"
#include "fuzz/fuzz.h"

void granary::try_input(ByteView input) { try_document<Snapshot>(input); }
