// What is answered when there is nobody to answer: EIO, to every request of a mount. Looks at headers alone.
#pragma once

namespace granary {

// Those that a worker read and did not live to answer: asks the kernel to send them again, and where it cannot, takes
// their numbers from the table. `requests`: its memory.
void refuse_left_over(int device, int requests);
// Those that wait to be read, without waiting for more. False when the mount has ended. The device is not to block.
bool refuse_waiting(int device);

// True when the mount behind a device has ended.
bool has_ended(int device);

}  // namespace granary
