#include "fs/format/trust_file.h"
#include "fuzz/fuzz.h"

void granary::try_input(ByteView input) { try_document<TrustFile>(input); }
