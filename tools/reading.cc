#include "tools/reading.h"

#include "fs/base/file.h"

namespace granary {

void add_reading_options(CLI::App& app, ReadingOptions& options) {
  app.add_option("WHERE", options.where, "the repository: a directory or a URL")->required();
  app.add_option("--trust", options.trust, "the repository's trust file (not needed for a repository of your own)");
  add_source_options(app, options.sources);
  app.add_flag("--archive", options.archive,
               "accept a repository whose timestamp has expired: authentic, perhaps stale");
  app.add_flag("--allow-withdrawn", options.allow_withdrawn, "read snapshots that were withdrawn, too");
}

namespace {
bool is_url(const std::string& where) { return where.find("://") != std::string::npos; }

// The trust file to go by: the one named, or the repository's own; none for somebody else's directory.
Result<std::optional<TrustFile>> find_trust(const ReadingOptions& options) {
  if (!options.trust.empty()) return std::optional(TRY(TrustFile::load(options.trust)));
  if (is_url(options.where))
    return Error{Code::kBadTrustFile, "a URL needs --trust FILE: the trust file that its publisher hands out"};
  const std::string own = options.where + "/.granary/trust.json";
  if (!exists(own)) return std::optional<TrustFile>();
  return std::optional(TRY(TrustFile::load(own)));
}
}  // namespace

Result<std::unique_ptr<Reading>> Reading::open(const ReadingOptions& options, const SnapshotSelector& selector,
                                               Io& io) {
  ViewOptions how;
  how.trust = TRY(find_trust(options));
  how.url = TRY(repository_url(options.where));
  how.archive = options.archive || !is_url(options.where);  // at hand, freshness proves nothing
  how.allow_withdrawn = options.allow_withdrawn;
  if (is_url(options.where)) how.state_directory = default_state_directory();
  if (!how.trust) io.err << "granary: no trust file: whoever signed this repository is believed\n";

  ConnectionOptions connection;
  connection.url = how.url;
  connection.repository_name = how.trust ? how.trust->name : how.url;
  TRY(lead_to_sources(connection, options.sources));
  auto reading = std::make_unique<Reading>();
  reading->connection_ = TRY(Connection::open(connection));
  reading->view_ = TRY(RepositoryView::open(reading->connection_->fetcher(), how, selector));
  return reading;
}

Result<ResolvedSnapshot> Reading::resolve(const std::string& name) { return view_->resolve(TRY(selector_of(name))); }

Result<std::unique_ptr<Catalog>> Reading::catalog(const ResolvedSnapshot& snapshot) {
  return Catalog::open(snapshot.snapshot.catalog, objects());
}

Result<SnapshotSelector> selector_of(const std::string& name) { return SnapshotSelector::parse(name); }

Result<Bytes> tree_path(const std::string& text) {
  Bytes path;
  for (size_t at = 0; at < text.size();) {
    const size_t slash = std::min(text.find('/', at), text.size());
    const Bytes component = text.substr(at, slash - at);
    at = slash + 1;
    if (component.empty() || component == ".") continue;
    TRY_WITHIN("not a path in a tree: " + printable(text), check_name(component));
    path += (path.empty() ? "" : "/") + component;
  }
  return path;
}

}  // namespace granary
