// libfuse's low-level header, whose macros our warnings would not let pass.
#pragma once

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wold-style-cast"
#include <fuse_lowlevel.h>
#pragma GCC diagnostic pop
