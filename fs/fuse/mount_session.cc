#include "fs/fuse/mount_session.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/uio.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <cstring>

#include "fs/base/crash_point.h"
#include "fs/base/file.h"
#include "fs/base/log.h"
#include "fs/fuse/filesystem.h"

namespace granary {

namespace {
// Look-ups may wait for parts of the catalog: enough threads that a few of them never hold up the rest.
constexpr unsigned kMaxThreads = 64;
// The kernel offers no less than this to read (FUSE_MIN_READ_BUFFER); nobody writes to a read-only mount, so no more is
// needed either. Pages in a reply are counted apart from it.
constexpr uint32_t kMaxWriteBytes = 4096;
// Newer than the headers of Debian 12: FUSE_HAS_RESEND among the flags of FUSE_INIT, and what asks for it.
constexpr uint32_t kHasResendFlag2 = 1U << 7;
constexpr int kNotifyResend = 7;

// libfuse hands its functions for input and output nothing but the filesystem.
std::atomic<MountSession*> the_session{nullptr};

bool kernel_resends(ByteView init) {
  fuse_init_in in{};
  const size_t at = sizeof(fuse_in_header);
  std::memcpy(&in, init.data() + at, std::min(sizeof in, init.size() - at));
  const bool has = (in.flags & FUSE_INIT_EXT) != 0 && (in.flags2 & kHasResendFlag2) != 0;
  return has && ::secure_getenv("GRANARY_NO_RESEND") == nullptr;  // tests: as an older kernel
}
}  // namespace

Result<std::unique_ptr<MountSession>> MountSession::start(Filesystem& filesystem, RequestTable& table,
                                                          UniqueFd device) {
  std::unique_ptr<MountSession> session(new MountSession(table));
  TRY(session->begin(filesystem, std::move(device)));
  return session;
}

Status MountSession::begin(Filesystem& filesystem, UniqueFd device) {
  struct sigaction wake {};  // interrupts a read, nothing else
  wake.sa_handler = [](int) {};
  sigaction(SIGUSR1, &wake, nullptr);
  the_session = this;
  std::string name = "granary-mount";
  char* argv[] = {name.data(), nullptr};
  fuse_args args = FUSE_ARGS_INIT(1, argv);
  session_ = fuse_session_new(&args, &Filesystem::operations(), sizeof(fuse_lowlevel_ops), &filesystem);
  fuse_opt_free_args(&args);
  fuse_custom_io io{};
  io.read = [](int fd, void* buffer, size_t size, void*) { return ::read(fd, buffer, size); };
  io.writev = [](int, iovec* parts, int count, void*) { return the_session.load()->reply(parts, count); };
  if (session_ == nullptr || fuse_session_custom_io(session_, &io, device.get()) != 0)
    return Error{Code::kInternal, "libfuse refuses to answer for the mount"};
  device_ = device.release();
  ended_ = UniqueFd(::eventfd(0, EFD_CLOEXEC));

  const bool is_first = !table_.init().has_value();
  std::vector<uint32_t> left_over = table_.take_over();
  Bytes init = TRY(first_request(left_over));
  init_ = request_header(init)->unique;
  fuse_buf buffer{init.size(), {}, init.data(), -1, 0};
  fuse_session_process_buf(session_, &buffer);
  resends_ = kernel_resends(init);
  if (!is_first) take_over(std::move(left_over));
  const MutexLock lock(mutex_);
  add_thread();
  return Done{};
}

// FUSE_INIT: the one that a worker before us was sent, or the one that comes now.
Result<Bytes> MountSession::first_request(const std::vector<uint32_t>& left_over) {
  if (auto kept = table_.init()) return *std::move(kept);
  for (const uint32_t slot : left_over) {  // read by one that was killed before it kept it
    const auto header = request_header({table_.bytes(slot), RequestTable::kRequestBytes});
    if (header->opcode != FUSE_INIT) continue;
    table_.keep_init({table_.bytes(slot), header->len});
    table_.release(slot);
    return *table_.init();
  }
  const uint32_t slot = table_.claim();
  while (!read_request(slot)) {
    if (errno != EINTR && errno != EAGAIN && errno != ENOENT) return Error{Code::kNotFound, "the mount has ended"};
  }
  const auto header = request_header({table_.bytes(slot), RequestTable::kRequestBytes});
  if (!header || header->opcode != FUSE_INIT)
    return Error{Code::kInternal, "the kernel does not begin with FUSE_INIT: the mount cannot be answered"};
  table_.keep_init({table_.bytes(slot), header->len});
  crash_point("init-kept");
  table_.release(slot);
  return *table_.init();
}

void MountSession::take_over(std::vector<uint32_t> left_over) {
  if (resends_) {
    fuse_out_header notice{sizeof notice, kNotifyResend, 0};
    resends_ = ::write(device_, &notice, sizeof notice) == sizeof notice;
  }
  if (resends_) {
    for (const uint32_t slot : left_over) table_.release(slot);
    return;
  }
  const MutexLock lock(mutex_);
  left_over_ = std::move(left_over);
  std::reverse(left_over_.begin(), left_over_.end());
}

void MountSession::add_thread() {
  ++running_;
  threads_.emplace_back([this] {
    answer_requests();
    --running_;
  });
}

void MountSession::answer_requests() {
  while (const auto slot = next_request()) process(*slot);
}

// Nothing at the end of the mount.
std::optional<uint32_t> MountSession::next_request() {
  {
    const MutexLock lock(mutex_);
    if (stopping_) return std::nullopt;
    if (!left_over_.empty()) {
      const uint32_t slot = left_over_.back();
      left_over_.pop_back();
      if (threads_.size() < kMaxThreads) add_thread();
      return slot;
    }
  }
  const uint32_t slot = table_.claim();
  ++idle_;
  bool got = false;
  bool over = false;
  while (!got && !over) {
    got = read_request(slot);
    over = stopping_ || (!got && errno != EINTR && errno != EAGAIN && errno != ENOENT);
  }
  const bool was_last_idle = --idle_ == 0;
  if (!got) {
    table_.release(slot);
    const uint64_t one = 1;
    if (!stopping_) [[maybe_unused]]
      const ssize_t told = ::write(ended_.get(), &one, sizeof one);
    return std::nullopt;
  }
  if (was_last_idle) {
    const MutexLock lock(mutex_);
    if (!stopping_ && threads_.size() < kMaxThreads) add_thread();
  }
  return slot;
}

// False with errno: EINTR, EAGAIN, ENOENT (taken back): again; ENODEV: the mount has ended.
bool MountSession::read_request(uint32_t slot) {
  const ssize_t n = ::read(device_, table_.bytes(slot), RequestTable::kRequestBytes);
  if (n >= static_cast<ssize_t>(sizeof(fuse_in_header))) return true;
  if (n >= 0) errno = EAGAIN;
  if (errno == EAGAIN) {
    pollfd wanted{device_, POLLIN, 0};
    ::poll(&wanted, 1, 1000);
    errno = EAGAIN;
  }
  return false;
}

void MountSession::process(uint32_t slot) {
  char* const bytes = table_.bytes(slot);
  const auto header = request_header({bytes, RequestTable::kRequestBytes});
  if (!header) return table_.release(slot);
  const bool silent = is_answered_by_nothing(header->opcode);
  if (!silent) table_.expect_reply(slot, header->unique);
  crash_point("request-read");
  fuse_buf buffer{header->len, {}, bytes, -1, 0};
  fuse_session_process_buf(session_, &buffer);
  if (silent) table_.release(slot);
}

// What libfuse writes to the device: replies, and notices, whose number is 0.
ssize_t MountSession::reply(const iovec* parts, int count) {
  const auto* const header = static_cast<const fuse_out_header*>(parts[0].iov_base);
  const uint64_t unique = header->unique;
  if (unique == init_ && count == 2 && parts[1].iov_len >= offsetof(fuse_init_out, time_gran))
    static_cast<fuse_init_out*>(parts[1].iov_base)->max_write = kMaxWriteBytes;
  crash_point("request-before-reply");
  const ssize_t written = ::writev(device_, parts, count);
  const int error_number = errno;
  if (unique == 0) return written;
  crash_point("request-before-free");
  table_.answered(unique);
  errno = error_number;
  // Answered before, by a worker that did not live to note it; or the reader has gone.
  if (written < 0 && error_number == ENOENT) return header->len;
  return written;
}

void MountSession::stop() {
  std::vector<std::thread> threads;
  {
    const MutexLock lock(mutex_);
    stopping_ = true;
    threads.swap(threads_);
  }
  while (running_ > 0) {  // a signal may come before the read that it is to interrupt
    for (std::thread& thread : threads) pthread_kill(thread.native_handle(), SIGUSR1);
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  for (std::thread& thread : threads) thread.join();
}

MountSession::~MountSession() {
  stop();
  if (session_ != nullptr) fuse_session_destroy(session_);
  the_session = nullptr;
}

}  // namespace granary
