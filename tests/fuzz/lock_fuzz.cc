#include "builder/recipe/lock.h"

#include "fuzz/fuzz.h"

void granary::try_input(ByteView input) { try_document<Lock>(input); }
