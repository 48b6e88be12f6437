// EC2's metadata, as Amazon and many others serve it: below latest/, meta-data/{instance-id, local-hostname,
// public-keys} and user-data. Version 2 asks for a token first (PUT latest/api/token), which then goes with every
// question; a server that has none, or keeps silent, as behind a router that counts hops, is asked as version 1 has it.
#include "initramfs/context/sources.h"

namespace granary {

namespace {
constexpr std::chrono::milliseconds kForToken{2000};
constexpr size_t kMostTokenBytes = 1024, kMostKeys = 32;

std::string first_line(const Bytes& text) {
  std::string line = text.substr(0, text.find('\n'));
  while (!line.empty() && (line.back() == '\r' || line.back() == ' ')) line.pop_back();
  return line;
}

// It goes into a header: nothing else may come with it.
bool is_token(const std::string& text) {
  if (text.empty() || text.size() > kMostTokenBytes) return false;
  for (const char c : text)
    if (c <= ' ' || c >= 127) return false;
  return true;
}

class Ec2Metadata : public ContextSource {
 public:
  explicit Ec2Metadata(const std::string& server) : server_(server) {}
  const char* name() const override { return "ec2"; }
  bool needs_network() const override { return true; }
  std::string server() const override { return server_; }

  Result<std::optional<Context>> look(const std::vector<SeedVolume>&, const Fetch& fetch) override {
    headers_ = token_headers(fetch);
    const auto id = TRY(get(fetch, "meta-data/instance-id"));
    if (!id) return std::optional<Context>();
    Context context;
    context.source = std::string("EC2 (") + server_ + (headers_.empty() ? ", version 1)" : ", version 2)");
    set_instance_id(context, first_line(*id));
    set_hostname(context, first_line(TRY(get(fetch, "meta-data/local-hostname")).value_or("")));
    if (context.hostname.empty()) set_hostname(context, first_line(TRY(get(fetch, "meta-data/hostname")).value_or("")));
    TRY(add_keys(fetch, context));
    context.user_data = TRY(get(fetch, "user-data")).value_or("");
    return std::optional(std::move(context));
  }

 private:
  std::vector<std::string> token_headers(const Fetch& fetch) const {
    const auto answer = fetch({.url = server_ + "latest/api/token",
                               .headers = {"X-aws-ec2-metadata-token-ttl-seconds: 21600"},
                               .method = "PUT",
                               .timeout = kForToken,
                               .limit_bytes = kMostTokenBytes});
    if (!answer) return {};
    const std::string token = first_line(*answer);
    if (!is_token(token)) return {};
    return {"X-aws-ec2-metadata-token: " + token};
  }

  Result<std::optional<Bytes>> get(const Fetch& fetch, const std::string& what) const {
    return fetch_optional(fetch, {.url = server_ + "latest/" + what, .headers = headers_});
  }

  // "0=my-key" a line: the key itself is at public-keys/0/openssh-key.
  Status add_keys(const Fetch& fetch, Context& context) const {
    const Bytes list = TRY(get(fetch, "meta-data/public-keys/")).value_or("");
    std::string_view rest = list;
    for (size_t i = 0; !rest.empty() && i < kMostKeys; ++i) {
      const size_t end = rest.find('\n');
      const std::string_view number = rest.substr(0, std::min(end, rest.find('=')));
      rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
      if (number.empty() || number.size() > 4 || number.find_first_not_of("0123456789") != std::string_view::npos)
        continue;
      const auto key = TRY(get(fetch, "meta-data/public-keys/" + std::string(number) + "/openssh-key"));
      add_ssh_keys(context, key.value_or(""));
    }
    return Done{};
  }

  const std::string server_;
  std::vector<std::string> headers_;
};
}  // namespace

std::unique_ptr<ContextSource> ec2_metadata(const std::string& server) { return std::make_unique<Ec2Metadata>(server); }

}  // namespace granary
