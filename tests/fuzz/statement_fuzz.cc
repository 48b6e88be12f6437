#include "fs/format/statement.h"
#include "fuzz/fuzz.h"

void granary::try_input(ByteView input) { try_document<Statement>(input); }
