#include "fs/store/pins.h"
#include "fuzz/fuzz.h"

// As it is, and with the digest that makes it whole.
void granary::try_input(ByteView input) {
  for (const Bytes& file : {Bytes(input), Bytes(input) + Bytes(Digest::of(input).raw())}) {
    const auto pin = Pin::parse(file);
    if (!pin) continue;
    promise(pin->serialise() == file, "what was read is written the same");
    promise(*Pin::parse(pin->serialise()) == *pin, "what was written can be read");
  }
}
