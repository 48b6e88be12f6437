#include "fuzz/fuzz.h"
#include "initramfs/machine.h"
#include "initramfs/pin.h"

void granary::try_input(ByteView input) {
  if (const auto pin = parse_pin(input)) {
    promise(*parse_pin(serialise(*pin)) == *pin, "what was read is what was written");
    BootPin at_boot = *pin;
    const BootChoice choice = choose_snapshot(at_boot, pin->asked);
    promise((choice.what == BootChoice::What::kNewest) == choice.snapshot.empty(), "what is pinned has a name");
    promise(at_boot.tries_left <= pin->tries_left, "tries only become fewer");
  }
  if (const auto machine = parse_machine(input)) promise(bool(parse_machine(serialise(*machine))), "can be written");
}
