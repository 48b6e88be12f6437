#include "builder/archive/downloads.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include <map>

#include "fs/base/file.h"
#include "fs/base/time.h"
#include "fs/net/transport.h"

namespace granary {

namespace {
constexpr int64_t kRestlessSeconds = 2;

struct FreeList {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};

// The URLs of one file: which is asked, how often it was, and what is said when all have failed.
class Urls {
 public:
  Urls(const std::vector<std::string>& urls, std::string what, unsigned attempts)
      : urls_(urls), what_(std::move(what)), attempts_(attempts) {}

  const std::string& current() const { return urls_[at_]; }
  const Error& error() const { return *error_; }

  CurlJob::Next failed(const TransferEnd& end) {
    if (end.is_missing()) return next_url({Code::kNotFound, why("the archive does not have it")});
    const std::string cause = end.status >= 400 ? str("the server answered ", end.status) : end.cause;
    if (end.is_transient() && ++tries_ < attempts_) return CurlJob::Next::kAgainLater;
    return next_url({Code::kUnavailable, why(cause)});
  }

  // The next URL, if there is one. Who could not be reached weighs more than who does not have it.
  CurlJob::Next next_url(Error error) {
    if (!error_ || error.code != Code::kNotFound) error_ = std::move(error);
    tries_ = 0;
    return ++at_ < urls_.size() ? CurlJob::Next::kAgainNow : CurlJob::Next::kFailed;
  }

  std::string why(const std::string& cause) const {
    return str("cannot fetch ", what_, " from ", public_url(current()), ": ", cause);
  }

 private:
  const std::vector<std::string>& urls_;
  const std::string what_;
  const unsigned attempts_;
  size_t at_ = 0;
  unsigned tries_ = 0;
  std::optional<Error> error_;
};

std::unique_ptr<curl_slist, FreeList> past_caches_header() {
  return std::unique_ptr<curl_slist, FreeList>(curl_slist_append(nullptr, "Cache-Control: no-cache"));
}

// A file whose digest is known: goes to PATH.part, where an earlier attempt may have left its beginning.
class FileJob : public CurlJob {
 public:
  FileJob(const WantedFile& wanted, std::string path, unsigned attempts, FetchProgress& progress)
      : wanted_(wanted), path_(std::move(path)), urls_(wanted.urls, wanted.what, attempts), progress_(progress) {}

  Status begin(CURL* easy) override {
    easy_ = easy;
    if (!part_.valid()) {
      TRY(open_part());
      TRY(take_up());
    }
    curl_easy_setopt(easy, CURLOPT_URL, urls_.current().c_str());
    if (past_caches_) curl_easy_setopt(easy, CURLOPT_HTTPHEADER, header_.get());
    resumed_ = received_ > 0;
    if (resumed_) curl_easy_setopt(easy, CURLOPT_RESUME_FROM_LARGE, static_cast<curl_off_t>(received_));
    return Done{};
  }

  bool take_in(ByteView part) override {
    if (std::exchange(resumed_, false) && is_from_the_start() && !succeeds(start_over())) return false;
    too_long_ = received_ + part.size() > wanted_.size_bytes;
    if (too_long_ || !succeeds(write_all_at(part_.get(), static_cast<off_t>(received_), part))) return false;
    hash_.update(part);
    received_ += part.size();
    progress_.bytes += part.size();
    return true;
  }

  Next end(const TransferEnd& end) override {
    if (error_) return Next::kFailed;
    if (too_long_) return damaged();
    const bool cannot_resume =
        end.status == 416 || end.outcome == CURLE_RANGE_ERROR || end.outcome == CURLE_BAD_DOWNLOAD_RESUME;
    if (cannot_resume && received_ > 0 && received_ < wanted_.size_bytes) return started_over(Next::kAgainNow);
    const bool complete = end.outcome == CURLE_OK && (end.status == 0 || end.status == 200 || end.status == 206);
    const bool whole = received_ == wanted_.size_bytes;
    if (!complete && !whole) return urls_.failed(end);
    if (whole && hash_.finish() == wanted_.digest) return keep();
    return damaged();
  }

  const Error& error() const override { return error_ ? *error_ : urls_.error(); }

 private:
  bool succeeds(const Status& status) {
    if (!status) error_ = status.error().within("cannot keep " + wanted_.what);
    return status.has_value();
  }

  // Locked, so that two processes do not write into one file. Whoever waited may find it renamed meanwhile.
  Status open_part() {
    const std::string name = path_ + ".part";
    UniqueFd part = TRY(open_file(name, O_RDWR | O_CREAT, 0644));
    if (::flock(part.get(), LOCK_EX | LOCK_NB) != 0) return Error{Code::kBusy, name + " is being fetched"};
    struct stat ours {
    }, named{};
    const bool is_named =
        ::fstat(part.get(), &ours) == 0 && ::stat(name.c_str(), &named) == 0 && ours.st_ino == named.st_ino;
    if (!is_named) return Error{Code::kBusy, name + " has just been fetched"};
    part_ = std::move(part);
    return Done{};
  }

  Status take_up() {
    constexpr size_t kStep = 1 << 20;
    for (;;) {
      const Bytes bytes = TRY(read_at(part_.get(), static_cast<off_t>(received_), kStep));
      if (bytes.empty()) break;
      hash_.update(bytes);
      received_ += bytes.size();
    }
    progress_.bytes += received_;
    if (received_ >= wanted_.size_bytes) return start_over();
    return Done{};
  }

  Status start_over() {
    progress_.bytes -= received_;
    received_ = 0;
    too_long_ = false;
    hash_.finish();
    if (::ftruncate(part_.get(), 0) != 0) return system_error(errno, "cannot empty " + path_ + ".part");
    return Done{};
  }

  // The server sent the whole although the rest was asked for.
  bool is_from_the_start() const {
    long status = 0;
    curl_easy_getinfo(easy_, CURLINFO_RESPONSE_CODE, &status);
    return status == 200;
  }

  Next keep() {
    if (::rename((path_ + ".part").c_str(), path_.c_str()) != 0) {
      error_ = system_error(errno, "cannot keep " + path_);
      return Next::kFailed;
    }
    part_.reset();
    ++progress_.files;
    return Next::kDone;
  }

  Next started_over(Next next) { return succeeds(start_over()) ? next : Next::kFailed; }

  // Something else came: from a cache on the way, perhaps, so once more past all caches.
  Next damaged() {
    if (!std::exchange(past_caches_, true)) return started_over(Next::kAgainNow);
    const Next next = urls_.next_url(
        {Code::kCorrupt, urls_.why("its bytes are not those that the signed index names (past caches, too)")});
    past_caches_ = false;
    return started_over(next);
  }

  const WantedFile& wanted_;
  const std::string path_;
  Urls urls_;
  FetchProgress& progress_;
  const std::unique_ptr<curl_slist, FreeList> header_ = past_caches_header();
  CURL* easy_ = nullptr;
  UniqueFd part_;
  Sha256 hash_;
  uint64_t received_ = 0;
  bool resumed_ = false;
  bool too_long_ = false;
  bool past_caches_ = false;
  std::optional<Error> error_;
};

// A small file, into memory; kept with the server's time of it, so that the server may say "not modified".
class FreshJob : public CurlJob {
 public:
  FreshJob(const std::vector<std::string>& urls, uint64_t limit_bytes, const std::string& what, unsigned attempts,
           std::string folder)
      : limit_bytes_(limit_bytes), urls_(urls, what, attempts), folder_(std::move(folder)) {}

  Status begin(CURL* easy) override {
    easy_ = easy;
    body_.clear();
    too_long_ = false;
    kept_ = read_file(kept_path(), limit_bytes_).value_or(Bytes());
    curl_easy_setopt(easy, CURLOPT_URL, urls_.current().c_str());
    curl_easy_setopt(easy, CURLOPT_FILETIME, 1L);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, header_.get());
    struct stat about {};
    if (kept_.empty() || ::stat(kept_path().c_str(), &about) != 0 || about.st_mtime <= 0) return Done{};
    curl_easy_setopt(easy, CURLOPT_TIMECONDITION, static_cast<long>(CURL_TIMECOND_IFMODSINCE));
    curl_easy_setopt(easy, CURLOPT_TIMEVALUE_LARGE, static_cast<curl_off_t>(about.st_mtime));
    return Done{};
  }

  bool take_in(ByteView part) override {
    too_long_ = body_.size() + part.size() > limit_bytes_;
    if (!too_long_) body_.append(part);
    return !too_long_;
  }

  Next end(const TransferEnd& end) override {
    if (too_long_)
      return urls_.next_url(
          {Code::kEndlessData, urls_.why(str("it is longer than the ", limit_bytes_, " bytes it may have"))});
    if (end.outcome != CURLE_OK || end.status >= 400) return urls_.failed(end);
    long unmodified = 0;
    curl_easy_getinfo(easy_, CURLINFO_CONDITION_UNMET, &unmodified);
    if (end.status == 304 || (unmodified != 0 && body_.empty())) {
      body_ = std::move(kept_);
    } else {
      keep();
    }
    return Next::kDone;
  }

  const Error& error() const override { return urls_.error(); }
  Bytes take() { return std::move(body_); }

 private:
  std::string kept_path() const { return str(folder_, "/", Digest::of(urls_.current())); }

  // For the next time; if that fails, it is fetched whole then. What is only seconds old may be changed once more
  // within its second, and is not kept.
  void keep() const {
    curl_off_t time = -1;
    curl_easy_getinfo(easy_, CURLINFO_FILETIME_T, &time);
    const bool may_change_unseen = time + kRestlessSeconds > Clock::system().now();
    if (time <= 0 || may_change_unseen || !make_directories(folder_)) return;
    if (!replace_file(kept_path(), body_, 0644, Durability::kFast)) return;
    const timespec times[2] = {{time, 0}, {time, 0}};
    static_cast<void>(::utimensat(AT_FDCWD, kept_path().c_str(), times, 0));
  }

  static std::unique_ptr<curl_slist, FreeList> revalidate_header() {
    return std::unique_ptr<curl_slist, FreeList>(curl_slist_append(nullptr, "Cache-Control: max-age=0"));
  }

  const uint64_t limit_bytes_;
  Urls urls_;
  const std::string folder_;
  const std::unique_ptr<curl_slist, FreeList> header_ = revalidate_header();
  CURL* easy_ = nullptr;
  Bytes body_, kept_;
  bool too_long_ = false;
};

bool is_here(const std::string& path, const WantedFile& wanted) {
  const auto file = open_file(path, O_RDONLY);
  struct stat about {};
  if (!file || ::fstat(file->get(), &about) != 0 || static_cast<uint64_t>(about.st_size) != wanted.size_bytes)
    return false;
  Sha256 hash;
  for (off_t at = 0; at < about.st_size;) {
    const auto bytes = read_at(file->get(), at, 1 << 20);
    if (!bytes || bytes->empty()) return false;
    hash.update(*bytes);
    at += static_cast<off_t>(bytes->size());
  }
  return hash.finish() == wanted.digest;
}

Status check_room(const std::string& folder, uint64_t needed_bytes) {
  struct statvfs disk {};
  if (::statvfs(folder.c_str(), &disk) != 0) return Done{};
  const uint64_t free_bytes = uint64_t{disk.f_bavail} * disk.f_frsize;
  if (needed_bytes <= free_bytes) return Done{};
  return Error{Code::kNoSpace, str(printable(folder), " is full: downloads need ", needed_bytes / 1'000'000 + 1,
                                   " MB, it has ", free_bytes / 1'000'000, " MB (--cache DIR names another place)")};
}
}  // namespace

std::string Downloads::path_of(const Digest& digest) const {
  const std::string hex = digest.hex();
  return str(folder_, "/sha256/", hex.substr(0, 2), "/", hex);
}

Result<std::vector<std::string>> Downloads::fetch(const std::vector<WantedFile>& wanted,
                                                  const std::function<void(const FetchProgress&)>& on_progress) {
  FetchProgress progress;
  std::vector<std::string> paths;
  std::map<Digest, const WantedFile*> missing;
  for (const WantedFile& each : wanted) {
    paths.push_back(path_of(each.digest));
    if (missing.contains(each.digest) || is_here(paths.back(), each)) continue;
    missing.emplace(each.digest, &each);
    progress.bytes_total += each.size_bytes;
  }
  progress.files_total = missing.size();
  if (missing.empty()) return paths;
  TRY(make_directories(folder_));
  TRY(check_room(folder_, progress.bytes_total));
  std::vector<std::unique_ptr<CurlJob>> jobs;
  for (const WantedFile& each : wanted) {
    const auto at = missing.find(each.digest);
    if (at == missing.end() || at->second != &each) continue;
    const std::string path = path_of(each.digest);
    TRY(make_directories(path.substr(0, path.rfind('/'))));
    jobs.push_back(std::make_unique<FileJob>(each, path, options_.attempts, progress));
  }
  TRY(CurlLoop(options_).run(jobs, [&] { on_progress(progress); }));
  return paths;
}

Result<Bytes> Downloads::fetch_fresh(const std::vector<std::string>& urls, uint64_t limit_bytes,
                                     const std::string& what) {
  std::vector<std::unique_ptr<CurlJob>> jobs;
  auto job = std::make_unique<FreshJob>(urls, limit_bytes, what, options_.attempts, folder_ + "/fresh");
  FreshJob& fresh = *job;
  jobs.push_back(std::move(job));
  TRY(CurlLoop(options_).run(jobs, [] {}));
  return fresh.take();
}

}  // namespace granary
