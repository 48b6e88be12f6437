#include "fs/fuse/refusals.h"

#include <linux/fuse.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

#include "fs/fuse/request_table.h"

namespace granary {

namespace {
constexpr int kNotifyResend = 7;  // FUSE_NOTIFY_RESEND, newer than the headers of Debian 12

void refuse(int device, const fuse_in_header& request) {
  // What was agreed in FUSE_INIT is for workers to repeat.
  if (is_answered_by_nothing(request.opcode) || request.opcode == FUSE_INIT) return;
  const fuse_out_header reply{sizeof reply, -EIO, request.unique};
  [[maybe_unused]] const ssize_t written = ::write(device, &reply, sizeof reply);  // answered already: no harm
}
}  // namespace

void refuse_left_over(int device, int requests) {
  if (::secure_getenv("GRANARY_NO_RESEND") == nullptr) {
    const fuse_out_header notice{sizeof notice, kNotifyResend, 0};
    [[maybe_unused]] const ssize_t written = ::write(device, &notice, sizeof notice);
  }
  for (const fuse_in_header& request : RequestTable::unanswered_in(requests)) refuse(device, request);
}

bool refuse_waiting(int device) {
  alignas(8) char bytes[RequestTable::kRequestBytes];
  for (;;) {
    const ssize_t n = ::read(device, bytes, sizeof bytes);
    if (n < 0 && (errno == EINTR || errno == ENOENT)) continue;
    if (n < 0) return errno == EAGAIN;
    if (const auto request = request_header({bytes, static_cast<size_t>(n)})) refuse(device, *request);
  }
}

bool has_ended(int device) {
  pollfd state{device, 0, 0};
  return ::poll(&state, 1, 0) > 0 && (state.revents & (POLLERR | POLLHUP)) != 0;
}

}  // namespace granary
