#include "fs/net/chosen_transport.h"

#include <algorithm>

#include "fs/format/head_bundle.h"

namespace granary {

namespace {
constexpr int kRounds = 4;
constexpr std::chrono::milliseconds kFirstPause{100};
constexpr size_t kThreads = 2;

std::optional<ObjectId> object_at(const std::string& path) {
  constexpr std::string_view kFolder = "objects/";
  if (!path.starts_with(kFolder)) return std::nullopt;
  std::string hex = path.substr(kFolder.size());
  std::erase(hex, '/');
  const auto id = Digest::parse(hex);
  return id ? std::optional<ObjectId>(*id) : std::nullopt;
}
}  // namespace

class ChosenTransport::Chosen : public Transfer {
 public:
  Chosen(std::shared_ptr<Owed> owed, uint64_t number, std::weak_ptr<Download> download)
      : owed_(std::move(owed)), number_(number), download_(std::move(download)) {}
  ~Chosen() override {
    if (!owed_->take(number_)) return;
    if (const auto download = download_.lock()) download->cancel();
  }
  void expedite(Priority priority, Deadline deadline) override {
    if (const auto download = download_.lock()) download->expedite(priority, deadline);
  }

 private:
  const std::shared_ptr<Owed> owed_;
  const uint64_t number_;
  const std::weak_ptr<Download> download_;  // kept alive by what it waits for
};

Transport::Callback ChosenTransport::Owed::take(uint64_t number) {
  const MutexLock lock(mutex);
  const auto place = callbacks.find(number);
  if (place == callbacks.end()) return nullptr;
  Callback callback = std::move(place->second);
  callbacks.erase(place);
  return callback;
}

ChosenTransport::ChosenTransport(std::vector<std::unique_ptr<Transport>> sources)
    : url_(sources.front()->base_url()), sources_(std::move(sources), kRounds, kFirstPause), pool_(kThreads) {}

ChosenTransport::~ChosenTransport() {
  pool_.stop();
  sources_.stop();
  std::map<uint64_t, Callback> left;
  {
    const MutexLock lock(owed_->mutex);
    left.swap(owed_->callbacks);
  }
  for (const auto& [number, callback] : left) callback(Error{Code::kUnavailable, "shutting down"});
}

std::unique_ptr<Transfer> ChosenTransport::get(GetRequest request, Callback done) {
  uint64_t number = 0;
  {
    const MutexLock lock(owed_->mutex);
    number = owed_->next++;
    owed_->callbacks[number] = std::move(done);
  }
  Download::Plan plan;
  plan.accept = [id = object_at(request.path),
                 is_head = request.path == "head.json"](Bytes file) -> Result<SharedBytes> {
    if (id) TRY(decode_object(*id, file));
    if (is_head && !HeadBundle::parse(file)) return Error{Code::kCorrupt, "its head.json is something else"};
    return std::make_shared<const Bytes>(std::move(file));
  };
  plan.request = std::move(request);
  const auto download = Download::start(sources_, pool_, std::move(plan),
                                        [owed = owed_, number](const Result<SharedBytes>& result, const auto&) {
                                          const Callback callback = owed->take(number);
                                          if (!callback) return;
                                          callback(result ? Result<Bytes>(**result) : Result<Bytes>(result.error()));
                                        });
  return std::make_unique<Chosen>(owed_, number, download);
}

}  // namespace granary
