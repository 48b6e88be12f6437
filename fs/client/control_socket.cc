#include "fs/client/control_socket.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>

#include <cerrno>
#include <cstdlib>

#include "fs/base/activity.h"
#include "fs/base/file.h"
#include "fs/client/runtime_directory.h"

namespace granary {

namespace {
constexpr size_t kMaxQuestionBytes = 16384;  // a path, and some words
constexpr size_t kMaxAnswerBytes = size_t{32} << 20;
constexpr int kBacklog = 128;
constexpr std::chrono::milliseconds kQuestionTimeout{2000};
constexpr time_t kConnectSeconds = 2;

std::string socket_name(dev_t device, ControlListener::Of of) {
  const char* const ending = of == ControlListener::Of::kMount ? ".sock" : ".supervisor.sock";
  return str(major(device), ":", minor(device), ending);
}

Result<sockaddr_un> address_of(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) return Error{Code::kInvalid, "path too long for a socket: " + path};
  std::memcpy(address.sun_path, path.data(), path.size());
  return address;
}

Result<ucred> peer_of(int socket) {
  ucred peer{};
  socklen_t size = sizeof peer;
  if (::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0)
    return system_error(errno, "cannot tell who is at the other end");
  return peer;
}

// False after the timeout, or when `stop` (if any) says so.
bool wait_readable(int fd, int timeout_ms, int stop = -1) {
  pollfd wanted[] = {{fd, POLLIN, 0}, {stop, POLLIN, 0}};
  int ready = 0;
  do ready = ::poll(wanted, 2, timeout_ms);
  while (ready < 0 && errno == EINTR);
  return ready > 0 && wanted[1].revents == 0;
}

void send_all(int socket, const std::string& text) {
  size_t sent = 0;
  while (sent < text.size()) {
    const ssize_t n = ::send(socket, text.data() + sent, text.size() - sent, MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return;  // who asked has left
    sent += static_cast<size_t>(n);
  }
}

// 0: there is none.
ino_t inode_at(const std::string& path) {
  struct stat status {};
  return ::lstat(path.c_str(), &status) == 0 ? status.st_ino : 0;
}

// Held while a name in the runtime directory is given to another socket or taken away.
UniqueFd lock_names(const std::string& path) {
  UniqueFd directory(::open(path.substr(0, path.rfind('/')).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  while (directory.valid() && ::flock(directory.get(), LOCK_EX) != 0 && errno == EINTR) continue;
  return directory;
}

// A refusal on its way: "error CODE MESSAGE".
constexpr std::string_view kRefusal = "error ";

std::string refusal(const Error& error) { return str(kRefusal, static_cast<int>(error.code), " ", error.message); }

Error refused(const std::string& answer) {
  char* after = nullptr;
  const long code = std::strtol(answer.c_str() + kRefusal.size(), &after, 10);
  if (*after != ' ') return {Code::kInvalid, answer.substr(kRefusal.size())};
  return {static_cast<Code>(code), after + 1};
}
}  // namespace

Result<ControlListener> ControlListener::bind(dev_t device, Of of) {
  const std::string directory = TRY(make_runtime_directory());
  const std::string path = directory + "/" + socket_name(device, of);
  const sockaddr_un address = TRY(address_of(path));
  UniqueFd listener(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!listener.valid()) return system_error(errno, "cannot make a socket");
  const UniqueFd names = lock_names(path);
  ::unlink(path.c_str());  // left by a mount that had this device number before
  if (::bind(listener.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      ::listen(listener.get(), kBacklog) != 0)
    return system_error(errno, "cannot listen at " + path);
  return ControlListener(path, std::move(listener));
}

ControlListener::ControlListener(std::string path, UniqueFd fd)
    : path_(std::move(path)), fd_(std::move(fd)), inode_(inode_at(path_)) {}

ControlListener::~ControlListener() {
  if (path_.empty()) return;
  const UniqueFd names = lock_names(path_);
  if (inode_at(path_) == inode_) ::unlink(path_.c_str());
}

Result<std::unique_ptr<ControlSocket>> ControlSocket::listen(dev_t device, Answer answer) {
  ControlListener bound = TRY(ControlListener::bind(device, ControlListener::Of::kMount));
  UniqueFd listener(::fcntl(bound.fd(), F_DUPFD_CLOEXEC, 3));
  if (!listener.valid()) return system_error(errno, "cannot listen at " + bound.path());
  return std::unique_ptr<ControlSocket>(new ControlSocket(std::move(bound), std::move(listener), std::move(answer)));
}

ControlSocket::ControlSocket(UniqueFd listener, Answer answer)
    : ControlSocket(std::nullopt, std::move(listener), std::move(answer)) {}

ControlSocket::ControlSocket(std::optional<ControlListener> bound, UniqueFd listener, Answer answer)
    : bound_(std::move(bound)),
      listener_(std::move(listener)),
      answer_(std::move(answer)),
      stop_(::eventfd(0, EFD_CLOEXEC)),
      thread_([this] { run(); }) {}

ControlSocket::~ControlSocket() { close(std::chrono::steady_clock::time_point::max()); }

bool ControlSocket::close(std::chrono::steady_clock::time_point deadline) {
  const uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = ::write(stop_.get(), &one, sizeof one);
  {
    const MutexLock lock(clients_->mutex);
    clients_->stopping = true;
    clients_->changed.notify_all();
  }
  if (thread_.joinable()) thread_.join();
  MutexLock lock(clients_->mutex);
  while (clients_->count > 0) {
    if (deadline == std::chrono::steady_clock::time_point::max()) {
      lock.wait(clients_->changed);
    } else if (!lock.wait_until(clients_->changed, deadline)) {
      return clients_->count == 0;
    }
  }
  return true;
}

void ControlSocket::become_its_owner() { ::listen(listener_.get(), kBacklog); }

void ControlSocket::run() {
  for (;;) {
    pollfd wanted[] = {{listener_.get(), POLLIN, 0}, {stop_.get(), POLLIN, 0}};
    if (::poll(wanted, 2, -1) < 0 && errno != EINTR) return;
    if (wanted[1].revents != 0) return;
    if (wanted[0].revents == 0) continue;
    UniqueFd connection(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (connection.valid() && wait_for_room()) serve_on_a_thread(std::move(connection));
  }
}

// False when the socket closes.
bool ControlSocket::wait_for_room() {
  MutexLock lock(clients_->mutex);
  while (clients_->count >= kMaxClients && !clients_->stopping) lock.wait(clients_->changed);
  if (clients_->stopping) return false;
  ++clients_->count;
  return true;
}

void ControlSocket::serve_on_a_thread(UniqueFd connection) {
  std::thread([this, clients = clients_, connection = std::move(connection)]() mutable {
    serve(connection.get());
    connection.reset();
    const MutexLock lock(clients->mutex);
    --clients->count;
    clients->changed.notify_all();
  }).detach();
}

bool may_ask(int connection) {
  const auto peer = peer_of(connection);
  return peer && (peer->uid == 0 || peer->uid == ::geteuid());
}

std::optional<std::string> read_question(int connection, int stop) {
  const timeval patience{2, 0};
  ::setsockopt(connection, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  const auto deadline = std::chrono::steady_clock::now() + kQuestionTimeout;
  std::string question;
  while (question.size() < kMaxQuestionBytes && question.find('\n') == std::string::npos) {
    char part[64];
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    if (left.count() <= 0 || !wait_readable(connection, static_cast<int>(left.count()), stop)) return std::nullopt;
    const ssize_t n = ::recv(connection, part, sizeof part, 0);
    if (n <= 0) return std::nullopt;
    question.append(part, static_cast<size_t>(n));
  }
  return question.substr(0, question.find('\n'));
}

void send_answer(int connection, const Result<std::string>& answer) {
  send_all(connection, answer ? *answer : refusal(answer.error()));
}

void ControlSocket::serve(int connection) const {
  if (!may_ask(connection)) return;
  const auto question = read_question(connection, stop_.get());
  if (!question) return;
  const ScopedActivity activity("answer a question");
  send_answer(connection, answer_(*question));
}

Result<ControlClient> ControlClient::connect(const MountPoint& mount, ControlListener::Of of) {
  Error failure{Code::kNotFound, str("nobody answers for ", printable(mount.path))};
  for (const std::string& directory : runtime_directories_for(mount)) {
    const auto address = address_of(directory + "/" + socket_name(mount.device, of));
    if (!address) continue;
    UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const timeval patience{kConnectSeconds, 0};  // of a process that is stopped, the queue may be full
    ::setsockopt(socket.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&*address), sizeof *address) == 0) {
      const ucred peer = TRY(peer_of(socket.get()));
      return ControlClient(std::move(socket), peer.pid, ::geteuid() == 0 || ::geteuid() == peer.uid);
    }
    if (errno == EAGAIN)
      failure = {Code::kUnavailable, str("the process behind ", printable(mount.path), " does not answer")};
    if (errno == EACCES) failure = {Code::kPermission, str(printable(mount.path), " was mounted by another user")};
  }
  return failure;
}

Result<std::string> ControlClient::ask(const std::string& question, std::chrono::milliseconds timeout) {
  send_all(socket_.get(), question + "\n");
  std::string answer;
  char part[65536];
  for (;;) {
    if (!wait_readable(socket_.get(), static_cast<int>(timeout.count())))
      return Error{Code::kUnavailable, str("process ", pid_, " does not answer")};
    const ssize_t n = ::recv(socket_.get(), part, sizeof part, 0);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return system_error(errno, "cannot read the answer");
    if (n == 0) break;
    answer.append(part, static_cast<size_t>(n));
    if (answer.size() > kMaxAnswerBytes) return Error{Code::kEndlessData, "the answer does not end"};
  }
  if (answer.starts_with(kRefusal)) return refused(answer);
  if (answer.empty() && is_ours_to_ask_) return Error{Code::kUnavailable, "whoever was asked ended before it answered"};
  if (answer.empty()) return Error{Code::kPermission, "it answers only its own user and root"};
  return answer;
}

}  // namespace granary
