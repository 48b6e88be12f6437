// The certificates of authorities that a micro image believes for HTTPS.
#pragma once

#include "builder/micro/micro_image.h"

namespace granary {

// The request's file, else the host's bundle, as PEM.
//   kNotFound  there is none: the message says what to install;  kInvalid  it holds no certificate
Result<Bytes> certificates(const MicroRequest& request);

}  // namespace granary
