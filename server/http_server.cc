#include "server/http_server.h"

#include <fcntl.h>
#include <microhttpd.h>
#include <netdb.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <ctime>
#include <thread>

#include "fs/base/file.h"
#include "fs/base/log.h"
#include "fs/base/mutex.h"
#include "fs/base/time.h"
#include "server/listen_address.h"
#include "server/public_path.h"

namespace granary {

namespace {
constexpr std::chrono::seconds kPatienceAtTheEnd{5};
constexpr unsigned kIdleSeconds = 60;
constexpr unsigned kMaxConnections = 4000;

struct FreeResponse {
  void operator()(MHD_Response* response) const { MHD_destroy_response(response); }
};
using Response = std::unique_ptr<MHD_Response, FreeResponse>;

// Opens a public file folder by folder, so that no symbolic link leads out.
UniqueFd open_beneath(int top, const std::string& path) {
  UniqueFd folder;
  size_t from = 0;
  for (size_t slash = path.find('/'); slash != std::string::npos; slash = path.find('/', from)) {
    const std::string name = path.substr(from, slash - from);
    const int parent = folder.valid() ? folder.get() : top;
    folder = UniqueFd(::openat(parent, name.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!folder.valid()) return {};
    from = slash + 1;
  }
  const int flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;
  return UniqueFd(::openat(folder.valid() ? folder.get() : top, path.c_str() + from, flags));
}

// Names these very bytes: whatever replaces the file is another inode.
std::string entity_tag(const struct stat& info) {
  return str("\"", std::hex, info.st_ino, "-", info.st_size, "-", info.st_mtim.tv_sec, ".", info.st_mtim.tv_nsec, "\"");
}

// "Sun, 06 Nov 1994 08:49:37 GMT" (RFC 9110, 5.6.7).
std::string http_date(time_t time) {
  static constexpr std::array kDays{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  static constexpr std::array kMonths{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                      "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  tm utc{};
  ::gmtime_r(&time, &utc);
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "%s, %02d %s %04d %02d:%02d:%02d GMT",
                kDays.at(static_cast<size_t>(utc.tm_wday)), utc.tm_mday, kMonths.at(static_cast<size_t>(utc.tm_mon)),
                utc.tm_year + 1900, utc.tm_hour, utc.tm_min, utc.tm_sec);
  return text.data();
}

bool matches(const char* if_none_match, const std::string& tag) {
  if (if_none_match == nullptr) return false;
  const std::string_view list(if_none_match);
  return list == "*" || list.find(tag) != std::string_view::npos;  // "W/" before a tag makes no difference here
}

std::string client_of(MHD_Connection* connection) {
  const MHD_ConnectionInfo* const info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
  char host[NI_MAXHOST] = "?";
  if (info == nullptr || info->client_addr == nullptr) return host;
  const socklen_t length = info->client_addr->sa_family == AF_INET6 ? sizeof(sockaddr_in6) : sizeof(sockaddr_in);
  ::getnameinfo(info->client_addr, length, host, sizeof host, nullptr, 0, NI_NUMERICHOST);
  return host;
}

// An answer on its way out: what it is, for the log too.
struct Answer {
  unsigned status = MHD_HTTP_NOT_FOUND;
  uint64_t size_bytes = 0;
  Response response;

  void header(const char* name, const std::string& value) {
    MHD_add_response_header(response.get(), name, value.c_str());
  }
};

Answer plain_answer(unsigned status, const char* text) {
  Answer answer;
  answer.status = status;
  answer.size_bytes = std::strlen(text);
  // Text constants: they live for ever, and nobody writes to them.
  answer.response.reset(
      MHD_create_response_from_buffer(answer.size_bytes, const_cast<char*>(text), MHD_RESPMEM_PERSISTENT));
  answer.header("Content-Type", "text/plain");
  answer.header("Cache-Control", "no-cache");
  return answer;
}

Answer file_answer(int top, const PublicFile& file, const char* if_none_match) {
  UniqueFd fd = open_beneath(top, file.path);
  struct stat info {};
  if (!fd.valid() || ::fstat(fd.get(), &info) != 0 || !S_ISREG(info.st_mode))
    return plain_answer(MHD_HTTP_NOT_FOUND, "not found\n");
  const std::string tag = entity_tag(info);
  Answer answer;
  // A 304 is made of the file, too, and sent without it: its Content-Length is said of the file, and caches take it
  // over; a 0 would empty their copies (RFC 9110, 15.4.5).
  answer.response.reset(MHD_create_response_from_fd64(static_cast<uint64_t>(info.st_size), fd.release()));
  answer.status = matches(if_none_match, tag) ? MHD_HTTP_NOT_MODIFIED : MHD_HTTP_OK;
  if (answer.status == MHD_HTTP_OK) {
    answer.size_bytes = static_cast<uint64_t>(info.st_size);
    answer.header("Content-Type", file.content_type);
    answer.header("X-Content-Type-Options", "nosniff");
  }
  answer.header("ETag", tag);
  answer.header("Last-Modified", http_date(info.st_mtim.tv_sec));
  answer.header("Cache-Control", file.cache_control);
  return answer;
}
}  // namespace

class HttpServer::Daemon {
 public:
  Daemon(UniqueFd top, std::string url, bool access_log)
      : top_(std::move(top)), url_(std::move(url)), access_log_(access_log) {}
  ~Daemon();

  Status start(UniqueFd listener, int family, unsigned threads);
  const std::string& url() const { return url_; }
  Counters counters() const { return {requests_, bytes_}; }

 private:
  static MHD_Result on_request(void* self, MHD_Connection* connection, const char* path, const char* method,
                               const char* version, const char* upload, size_t* upload_size, void** request);
  static void on_completed(void* self, MHD_Connection* connection, void** request, MHD_RequestTerminationCode code);
  Answer answer_to(MHD_Connection* connection, const char* path, const std::string& method) const;

  const UniqueFd top_;
  const std::string url_;
  const bool access_log_;
  MHD_Daemon* daemon_ = nullptr;
  std::atomic<uint64_t> requests_ = 0;
  std::atomic<uint64_t> bytes_ = 0;

  Mutex mutex_;
  std::condition_variable idle_;
  size_t under_way_ GUARDED_BY(mutex_) = 0;
};

Status HttpServer::Daemon::start(UniqueFd listener, int family, unsigned threads) {
  unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_ITC | MHD_USE_TURBO;
  if (family == AF_INET6) flags |= MHD_USE_IPv6;
  if (threads == 0) threads = std::clamp(std::thread::hardware_concurrency(), 2u, 64u);
  daemon_ = MHD_start_daemon(flags, 0, nullptr, nullptr, &on_request, this,                        //
                             MHD_OPTION_LISTEN_SOCKET, listener.get(),                             //
                             MHD_OPTION_THREAD_POOL_SIZE, threads,                                 //
                             MHD_OPTION_CONNECTION_LIMIT, std::max(kMaxConnections, 2 * threads),  //
                             MHD_OPTION_CONNECTION_TIMEOUT, kIdleSeconds,                          //
                             MHD_OPTION_NOTIFY_COMPLETED, &on_completed, this,                     //
                             MHD_OPTION_END);
  if (daemon_ == nullptr) return Error{Code::kInternal, "cannot start the web server"};
  static_cast<void>(listener.release());  // the daemon's now
  return Done{};
}

HttpServer::Daemon::~Daemon() {
  if (daemon_ == nullptr) return;
  const UniqueFd listener(MHD_quiesce_daemon(daemon_));
  {
    const auto until = std::chrono::steady_clock::now() + kPatienceAtTheEnd;
    MutexLock lock(mutex_);
    while (under_way_ > 0 && lock.wait_until(idle_, until)) {
    }
  }
  MHD_stop_daemon(daemon_);
}

MHD_Result HttpServer::Daemon::on_request(void* self, MHD_Connection* connection, const char* path, const char* method,
                                          const char*, const char*, size_t* upload_size, void** request) {
  auto& daemon = *static_cast<Daemon*>(self);
  if (*request == nullptr) {
    *request = self;  // the header has come; the answer follows when the body has, too
    const MutexLock lock(daemon.mutex_);
    ++daemon.under_way_;
    return MHD_YES;
  }
  if (*upload_size > 0) {
    *upload_size = 0;
    return MHD_YES;
  }
  const Answer answer = daemon.answer_to(connection, path, method);
  ++daemon.requests_;
  if (std::string_view(method) != "HEAD") daemon.bytes_ += answer.size_bytes;
  if (daemon.access_log_) {
    const char* const agent = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "User-Agent");
    log::info("served", {{"client", client_of(connection)},
                         {"method", method},
                         {"path", path},
                         {"status", answer.status},
                         {"bytes", answer.size_bytes},
                         {"agent", agent == nullptr ? "" : agent}});
  }
  return MHD_queue_response(connection, answer.status, answer.response.get());
}

void HttpServer::Daemon::on_completed(void* self, MHD_Connection*, void** request, MHD_RequestTerminationCode) {
  if (*request == nullptr) return;
  auto& daemon = *static_cast<Daemon*>(self);
  const MutexLock lock(daemon.mutex_);
  if (--daemon.under_way_ == 0) daemon.idle_.notify_all();
}

Answer HttpServer::Daemon::answer_to(MHD_Connection* connection, const char* path, const std::string& method) const {
  if (method != "GET" && method != "HEAD") {
    Answer answer = plain_answer(MHD_HTTP_METHOD_NOT_ALLOWED, "only GET and HEAD\n");
    answer.header("Allow", "GET, HEAD");
    return answer;
  }
  const auto file = public_file(path);
  if (!file) return plain_answer(MHD_HTTP_NOT_FOUND, "not found\n");
  return file_answer(top_.get(), *file, MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "If-None-Match"));
}

Result<std::unique_ptr<HttpServer>> HttpServer::start(const std::string& repository, const HttpServerOptions& options) {
  auto top = open_file(repository, O_PATH | O_DIRECTORY);
  struct stat info {};
  if (!top || ::fstatat(top->get(), "head.json", &info, AT_SYMLINK_NOFOLLOW) != 0) {
    return Error{Code::kNotARepository,
                 str("cannot serve ", printable(repository), ": ",
                     top ? "there is no head.json; granary init makes a repository" : top.error().message)};
  }
  int family = AF_INET;
  UniqueFd listener = TRY(listen_on(options.listen, family));
  const std::string url = TRY(url_of_listener(listener.get()));
  auto daemon = std::make_unique<Daemon>(std::move(*top), url, options.access_log);
  TRY(daemon->start(std::move(listener), family, options.threads));
  return std::unique_ptr<HttpServer>(new HttpServer(std::move(daemon)));
}

HttpServer::HttpServer(std::unique_ptr<Daemon> daemon) : daemon_(std::move(daemon)) {}
HttpServer::~HttpServer() = default;
const std::string& HttpServer::url() const { return daemon_->url(); }
HttpServer::Counters HttpServer::counters() const { return daemon_->counters(); }

}  // namespace granary
