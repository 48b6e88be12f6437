// Reading: what the commands that look into a repository without mounting it have in common: `ls`, `cat`, `diff`,
// `log`, `inspect` … work on a directory and on a URL alike.
#pragma once

#include <memory>
#include <string>

#include "fs/client/connection.h"
#include "fs/client/repository_view.h"
#include "fs/format/catalog.h"
#include "tools/command.h"
#include "tools/source_options.h"

namespace granary {

struct ReadingOptions {
  std::string where;  // a repository's directory, or its URL
  std::string trust;  // the trust file; not needed for a repository of our own
  bool archive = false;
  bool allow_withdrawn = false;
  SourceOptions sources{};
};
void add_reading_options(CLI::App& app, ReadingOptions& options);

class Reading {
 public:
  // kBadTrustFile when a URL comes without a trust file.
  static Result<std::unique_ptr<Reading>> open(const ReadingOptions& options, const SnapshotSelector& selector, Io& io);

  RepositoryView& view() { return *view_; }
  Fetcher& objects() { return connection_->fetcher(); }
  Result<ResolvedSnapshot> resolve(const std::string& name);
  Result<std::unique_ptr<Catalog>> catalog(const ResolvedSnapshot& snapshot);

 private:
  std::unique_ptr<Connection> connection_;
  std::unique_ptr<RepositoryView> view_;
};

// The selector of a name as people give it: a branch, a tag, a date, an id.
Result<SnapshotSelector> selector_of(const std::string& name);
// A path in a tree as people give it: leading, trailing and doubled slashes are taken away. kInvalid for "." and "..".
Result<Bytes> tree_path(const std::string& text);

}  // namespace granary
