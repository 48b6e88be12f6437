#include "fs/format/timestamp.h"
#include "fuzz/fuzz.h"

void granary::try_input(ByteView input) { try_document<Timestamp>(input); }
