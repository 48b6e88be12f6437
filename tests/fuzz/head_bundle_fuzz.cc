#include "fs/format/head_bundle.h"
#include "fuzz/fuzz.h"

void granary::try_input(ByteView input) { try_document<HeadBundle>(input); }
