#include "fs/format/record.h"
#include "fuzz/fuzz.h"

void granary::try_input(ByteView input) { try_document<Record>(input); }
