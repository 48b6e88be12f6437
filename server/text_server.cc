#include "server/text_server.h"

#include <microhttpd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstring>

#include "fs/base/mutex.h"
#include "server/listen_address.h"

namespace granary {

namespace {
constexpr unsigned kIdleSeconds = 30;
constexpr unsigned kMaxConnections = 32;
constexpr std::string_view kUnixPrefix = "unix:";
}  // namespace

class TextServer::Daemon {
 public:
  Daemon(std::string path, std::string content_type, MakeText make_text)
      : path_(std::move(path)), content_type_(std::move(content_type)), make_text_(std::move(make_text)) {}
  ~Daemon() {
    if (daemon_ != nullptr) MHD_stop_daemon(daemon_);
    if (!socket_path_.empty()) ::unlink(socket_path_.c_str());
  }

  Status start(const std::string& listen) {
    int family = AF_UNIX;
    UniqueFd listener;
    if (listen.starts_with(kUnixPrefix)) {
      listener = TRY(listen_on_path(listen.substr(kUnixPrefix.size())));
      socket_path_ = listen.substr(kUnixPrefix.size());
      url_ = listen;
    } else {
      listener = TRY(listen_on(listen, family));
      url_ = TRY(url_of_listener(listener.get())) + path_;
    }
    unsigned flags = MHD_USE_THREAD_PER_CONNECTION | MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_POLL | MHD_USE_ITC;
    if (family == AF_INET6) flags |= MHD_USE_IPv6;
    daemon_ = MHD_start_daemon(flags, 0, nullptr, nullptr, &on_request, this,  //
                               MHD_OPTION_LISTEN_SOCKET, listener.get(),       //
                               MHD_OPTION_CONNECTION_LIMIT, kMaxConnections,   //
                               MHD_OPTION_CONNECTION_TIMEOUT, kIdleSeconds,    //
                               MHD_OPTION_END);
    if (daemon_ == nullptr) return Error{Code::kInternal, "cannot start the web server"};
    static_cast<void>(listener.release());  // the daemon's now
    return Done{};
  }

  const std::string& url() const { return url_; }

 private:
  static MHD_Result on_request(void* self, MHD_Connection* connection, const char* path, const char* method,
                               const char*, const char*, size_t* upload_size, void** request) {
    if (*request == nullptr) return *request = self, MHD_YES;  // the header has come
    if (*upload_size > 0) return *upload_size = 0, MHD_YES;
    return static_cast<Daemon*>(self)->answer(connection, path, method);
  }

  MHD_Result answer(MHD_Connection* connection, std::string_view path, std::string_view method) {
    if (method != "GET" && method != "HEAD")
      return send(connection, MHD_HTTP_METHOD_NOT_ALLOWED, "only GET and HEAD\n");
    if (path != path_) return send(connection, MHD_HTTP_NOT_FOUND, "not found: try " + path_ + "\n");
    const MutexLock lock(mutex_);
    return send(connection, MHD_HTTP_OK, make_text_());
  }

  MHD_Result send(MHD_Connection* connection, unsigned status, std::string text) {
    MHD_Response* const response = MHD_create_response_from_buffer(text.size(), text.data(), MHD_RESPMEM_MUST_COPY);
    MHD_add_response_header(response, "Content-Type",
                            status == MHD_HTTP_OK ? content_type_.c_str() : "text/plain; charset=utf-8");
    MHD_add_response_header(response, "Cache-Control", "no-store");
    if (status == MHD_HTTP_METHOD_NOT_ALLOWED) MHD_add_response_header(response, "Allow", "GET, HEAD");
    const MHD_Result queued = MHD_queue_response(connection, status, response);
    MHD_destroy_response(response);
    return queued;
  }

  const std::string path_;
  const std::string content_type_;
  const MakeText make_text_;
  std::string url_;
  std::string socket_path_;  // ours to remove
  Mutex mutex_;              // one text at a time
  MHD_Daemon* daemon_ = nullptr;
};

Result<std::unique_ptr<TextServer>> TextServer::start(const std::string& listen, const std::string& path,
                                                      const std::string& content_type, MakeText make_text) {
  auto daemon = std::make_unique<Daemon>(path, content_type, std::move(make_text));
  TRY(daemon->start(listen));
  return std::unique_ptr<TextServer>(new TextServer(std::move(daemon)));
}

TextServer::TextServer(std::unique_ptr<Daemon> daemon) : daemon_(std::move(daemon)) {}
TextServer::~TextServer() = default;
const std::string& TextServer::url() const { return daemon_->url(); }

}  // namespace granary
