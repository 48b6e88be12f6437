// FileTransport: a repository in a local directory, file:///DIRECTORY, read by two threads.
// A file system that hangs (a dead NFS server) holds those threads, and whoever destroys the transport.
#pragma once

#include "fs/net/transport.h"
#include "fs/net/worker_pool.h"

namespace granary {

class FileTransport : public Transport {
 public:
  // `url` is for people, `directory` what it stands for.
  FileTransport(std::string url, std::string directory)
      : url_(std::move(url)), directory_(std::move(directory)), pool_(std::make_shared<WorkerPool>(2)) {}
  ~FileTransport() override { pool_->stop(); }

  std::unique_ptr<Transfer> get(GetRequest request, Callback done) override;
  const std::string& base_url() const override { return url_; }

 private:
  Result<Bytes> read(const GetRequest& request) const;

  const std::string url_;
  const std::string directory_;
  const std::shared_ptr<WorkerPool> pool_;  // a Transfer may outlive us
};

}  // namespace granary
