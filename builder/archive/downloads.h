// Downloads: files fetched from archives, each kept under its SHA-256 in FOLDER/sha256/xx/. A file is there whole and
// compared, or not there; a part of one (.part) is gone on with next time. Several processes may share the folder.
// One thread.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "builder/archive/curl_loop.h"
#include "builder/archive/package_source.h"
#include "fs/base/digest.h"

namespace granary {

struct WantedFile {
  std::vector<std::string> urls;  // the same file: the next is asked when one does not have it or cannot be reached
  uint64_t size_bytes = 0;
  Digest digest;
  std::string what;  // for people: "bash 5.2.15-2 of debian bookworm"
};

class Downloads {
 public:
  Downloads(std::string folder, const DownloadOptions& options) : folder_(std::move(folder)), options_(options) {}

  // Paths of all of them, in order; what is here already is compared, not fetched.
  //   kNotFound     none of its URLs has it (any more)
  //   kUnavailable  none could be reached
  //   kCorrupt      what came is something else, past caches on the way, too
  //   kNoSpace      the disk is full: the message says how much is needed
  Result<std::vector<std::string>> fetch(const std::vector<WantedFile>& wanted,
                                         const std::function<void(const FetchProgress&)>& on_progress);

  // A small file whose digest nobody knows beforehand, such as InRelease. The last answer is kept, and the server
  // asked whether it is still good.
  //   kNotFound, kUnavailable  as above;  kEndlessData  longer than `limit_bytes`
  Result<Bytes> fetch_fresh(const std::vector<std::string>& urls, uint64_t limit_bytes, const std::string& what);

 private:
  std::string path_of(const Digest& digest) const;

  const std::string folder_;
  const DownloadOptions options_;
};

}  // namespace granary
