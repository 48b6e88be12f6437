// An answer to SNTP: the number we sent, then the packet.
#include "initramfs/network/sntp.h"

#include "fuzz/fuzz.h"

namespace granary {

void try_input(ByteView input) {
  ByteReader reader(input);
  const uint64_t origin = reader.u64();
  const ByteView packet = reader.ok() ? input.substr(8) : ByteView();
  const auto time = parse_sntp(packet, origin);
  if (time) promise(*time >= -62'000'000 && *time < (int64_t{1} << 33), "a time from 1968 to 2104");
}

}  // namespace granary
