#include "fs/format/envelope.h"
#include "fuzz/fuzz.h"

void granary::try_input(ByteView input) { try_document<Envelope>(input); }
