#include "fs/format/names.h"

#include "fuzz/fuzz.h"

void granary::try_input(ByteView input) { try_document<Names>(input); }
