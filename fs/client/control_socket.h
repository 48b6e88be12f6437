// ControlSocket: where a mount answers questions about itself, apart from the path of its data: a unix socket of its
// own, in a directory of mode 0700. The question is one line ("stat"), the answer all bytes to the end. Each client has
// a thread, of kMaxClients at most, so that one that says nothing, reads nothing or asks for something that hangs does
// not hold up the next.
//   /run/granary/0:57.sock            root's mounts, by the device number of the mount
//   $XDG_RUNTIME_DIR/granary/0:57.sock  everybody else's; /tmp/granary-UID when there is no such directory
#pragma once

#include <sys/types.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "fs/base/mutex.h"
#include "fs/base/unique_fd.h"
#include "fs/client/mount_table.h"

namespace granary {

// ControlListener: such a socket, apart from whoever answers at it: questions wait while nobody does.
class ControlListener {
 public:
  enum class Of {
    kMount,       // 0:57.sock
    kSupervisor,  // 0:57.supervisor.sock
  };
  static Result<ControlListener> bind(dev_t device, Of of);
  // One that another process has bound.
  ControlListener(std::string path, UniqueFd fd);
  ControlListener(ControlListener&& other) noexcept
      : path_(std::exchange(other.path_, {})), fd_(std::move(other.fd_)), inode_(other.inode_) {}
  ControlListener& operator=(ControlListener&&) = delete;
  // The socket is removed, unless it is another mount's by now: the kernel gives a device number away at once.
  ~ControlListener();

  const std::string& path() const { return path_; }
  int fd() const { return fd_.get(); }

 private:
  std::string path_;
  UniqueFd fd_;
  ino_t inode_;  // of the socket at `path_`
};

// True for the listener's own user and root.
bool may_ask(int connection);
// A question that has come, or is about to; nothing: none came in time, or before `stop` (if any) was readable.
std::optional<std::string> read_question(int connection, int stop = -1);
// Sends the answer, or the refusal, as ControlClient::ask will have it.
void send_answer(int connection, const Result<std::string>& answer);

class ControlSocket {
 public:
  static constexpr size_t kMaxClients = 32;

  // The answer to a question; called on several threads. kInvalid: not a question that it knows.
  using Answer = std::function<Result<std::string>(const std::string& question)>;

  // Listens for a mount on `device`; only the same user and root are answered. Starts a thread.
  static Result<std::unique_ptr<ControlSocket>> listen(dev_t device, Answer answer);
  // Answers at a listener that somebody else has bound.
  ControlSocket(UniqueFd listener, Answer answer);
  ~ControlSocket();  // no more answers; waits for those under way
  // Takes no more questions. False when an answer was still under way at the deadline: it uses what it borrows.
  bool close(std::chrono::steady_clock::time_point deadline);
  // Whoever connects from now on learns this process (ControlClient::pid), not the one that bound the listener.
  void become_its_owner();
  // Where it was bound by `listen`.
  std::string path() const { return bound_ ? bound_->path() : ""; }

 private:
  // Outlives us with the last client's thread.
  struct Clients {
    Mutex mutex;
    std::condition_variable changed;
    size_t count GUARDED_BY(mutex) = 0;
    bool stopping GUARDED_BY(mutex) = false;
  };

  ControlSocket(std::optional<ControlListener> bound, UniqueFd listener, Answer answer);
  void run();
  bool wait_for_room();
  void serve_on_a_thread(UniqueFd connection);
  void serve(int connection) const;

  const std::optional<ControlListener> bound_;
  const UniqueFd listener_;
  const Answer answer_;
  UniqueFd stop_;  // an eventfd
  const std::shared_ptr<Clients> clients_ = std::make_shared<Clients>();
  std::thread thread_;
};

// ControlClient: a connection to the control socket of a mount.
class ControlClient {
 public:
  //   kNotFound    nobody listens: the mount's process is gone, or belongs to somebody else
  //   kPermission  not yours to ask
  static Result<ControlClient> connect(const MountPoint& mount, ControlListener::Of of = ControlListener::Of::kMount);

  // One question for each connection. kUnavailable: no answer in time; otherwise as the answerer says.
  Result<std::string> ask(const std::string& question, std::chrono::milliseconds timeout);
  // The process behind the mount, from the kernel.
  pid_t pid() const { return pid_; }

 private:
  ControlClient(UniqueFd socket, pid_t pid, bool is_ours_to_ask)
      : socket_(std::move(socket)), pid_(pid), is_ours_to_ask_(is_ours_to_ask) {}
  UniqueFd socket_;
  pid_t pid_;
  bool is_ours_to_ask_;  // we are root, or who listens
};

}  // namespace granary
