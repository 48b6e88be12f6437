#include "fs/format/root.h"
#include "fuzz/fuzz.h"

void granary::try_input(ByteView input) { try_document<Root>(input); }
