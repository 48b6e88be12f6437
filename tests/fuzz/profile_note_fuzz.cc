#include "fs/format/profile.h"
#include "fuzz/fuzz.h"

void granary::try_input(ByteView input) { try_document<ProfileNote>(input); }
