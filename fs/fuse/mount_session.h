// MountSession: answers the kernel's requests on several threads. The device may have been answered by another process
// before: this one learns from the first FUSE_INIT what was agreed then, and takes over what was left unanswered,
// either asking the kernel to send it again (FUSE_NOTIFY_RESEND, since Linux 6.9) or from the table that both share.
// One in a process. Borrows filesystem and table, which outlive it.
#pragma once

#include <atomic>
#include <memory>
#include <thread>
#include <vector>

#include "fs/base/mutex.h"
#include "fs/base/unique_fd.h"
#include "fs/fuse/lowlevel.h"
#include "fs/fuse/request_table.h"

namespace granary {

class Filesystem;

class MountSession {
 public:
  // Returns once the kernel knows us. `device`: /dev/fuse, mounted.
  //   kNotFound  the mount has ended already
  static Result<std::unique_ptr<MountSession>> start(Filesystem& filesystem, RequestTable& table, UniqueFd device);
  ~MountSession();  // answers no more; the mount goes on as long as somebody holds the device

  // A descriptor, readable once the mount has ended: somebody has unmounted it, and its last user is gone.
  int ended() const { return ended_.get(); }
  // For notifications to the kernel.
  fuse_session* session() const { return session_; }
  // True when the kernel sent again, and the table was not needed.
  bool resends() const { return resends_; }

 private:
  MountSession(RequestTable& table) : table_(table) {}
  Status begin(Filesystem& filesystem, UniqueFd device);
  Result<Bytes> first_request(const std::vector<uint32_t>& left_over);
  void take_over(std::vector<uint32_t> left_over);
  void add_thread() REQUIRES(mutex_);
  void answer_requests();
  std::optional<uint32_t> next_request();
  bool read_request(uint32_t slot);
  void process(uint32_t slot);
  ssize_t reply(const iovec* parts, int count);
  void stop();

  RequestTable& table_;
  fuse_session* session_ = nullptr;
  int device_ = -1;    // owned by the session
  uint64_t init_ = 0;  // the number of FUSE_INIT
  bool resends_ = false;
  UniqueFd ended_;  // an eventfd
  std::atomic<bool> stopping_{false};
  std::atomic<unsigned> idle_{0};
  std::atomic<unsigned> running_{0};
  Mutex mutex_;
  std::vector<std::thread> threads_ GUARDED_BY(mutex_);
  std::vector<uint32_t> left_over_ GUARDED_BY(mutex_);  // the oldest last
};

}  // namespace granary
