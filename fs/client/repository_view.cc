// One request brings the head. A branch then resolves without another; a tag and the withdrawals stand in the names
// object, an older state of a branch behind some records of the log, an older generation behind its successors'
// snapshots.
#include "fs/client/repository_view.h"

#include <algorithm>
#include <deque>
#include <filesystem>
#include <set>

#include "fs/base/file.h"
#include "fs/client/limited_change.h"
#include "fs/format/catalog.h"
#include "fs/format/identifiers.h"

namespace granary {

namespace {
// How far back the beginning of an id is looked for along the branches' histories.
constexpr size_t kMaxSearchedSnapshots = 10'000;

Error not_a_repository(const std::string& url, const std::string& why) {
  return {Code::kNotARepository, str("no Granary repository at ", url, ": ", why)};
}

TrustPolicy policy_for(const ViewOptions& options, const SnapshotSelector& selector) {
  using Freshness = TrustPolicy::Freshness;
  const Freshness freshness = options.archive             ? Freshness::kArchive
                              : selector.is_complete_id() ? Freshness::kPinned
                                                          : Freshness::kRequired;
  const UnixSeconds clock = options.is_clock_trusted ? options.clock->now() : options.time_floor;
  return {freshness, std::max(clock, options.time_floor)};
}

// For a repository at hand, without a trust file: its own first root.
Result<TrustFile> trust_whoever_signed(ByteView head) {
  const HeadBundle bundle = TRY(HeadBundle::parse(head));
  if (bundle.roots.empty()) return Error{Code::kUntrusted, "the head has no root document"};
  const Root root = TRY(verify_self_signed(bundle.roots.front()));
  return TrustFile{root.repository, root.name, bundle.roots.front(), 0};
}

Error explained(Error error) {
  if (error.code == Code::kExpired) {
    error.message +=
        "; ask its publisher to renew it, or use --archive to accept the newest state known, or name a snapshot by id";
  }
  return error;
}

template <class Map>
std::string names_in(const Map& map) {
  constexpr size_t kMaxNamed = 10;
  std::string out;
  size_t named = 0;
  for (const auto& item : map) {
    if (is_cook_branch(item.first)) continue;
    if (++named > kMaxNamed) return out + ", ...";
    out += (named > 1 ? ", " : "") + item.first;
  }
  return out.empty() ? "none" : out;
}
}  // namespace

const char* name_of(Freshness freshness) {
  return freshness == Freshness::kFresh ? "fresh" : freshness == Freshness::kStale ? "stale" : "unknown";
}

Result<std::string> repository_url(const std::string& url_or_directory) {
  std::string url = url_or_directory;
  if (url.find("://") == std::string::npos) {
    std::error_code failure;
    const auto path = std::filesystem::canonical(url, failure);
    if (failure || !std::filesystem::is_directory(path, failure))
      return Error{Code::kBadUrl, "neither a URL nor a directory: " + printable(url)};
    url = "file://" + path.string();
  }
  while (url.size() > 1 && url.back() == '/') url.pop_back();
  return url;
}

namespace {
// What is to be believed of a head's bytes. `seen` grows.
Result<VerifiedHead> believe(const Bytes& head, const ViewOptions& options, const SnapshotSelector& selector,
                             Seen& seen) {
  const size_t first = head.find_first_not_of(" \t\r\n");
  if (first == Bytes::npos || head[first] != '{')
    return not_a_repository(options.url, "its head.json is something else");
  const TrustFile trust = options.trust ? *options.trust : TRY(trust_whoever_signed(head));
  auto verified = verify_head(head, trust, policy_for(options, selector), seen);
  if (!verified) return explained(verified.error()).within("cannot trust " + options.url);
  return verified;
}

// Each mirror's head is looked at before it counts: one that lags, or is something else, leaves the turn to the next.
// What a head taught that is not believed in the end (an expired one, with newer roots) goes into `seen`.
Result<Bytes> fetch_head(Fetcher& fetcher, const ViewOptions& options, const SnapshotSelector& selector, Seen& seen,
                         const std::optional<OfflineCopy>& kept) {
  struct Learnt {
    Mutex mutex;
    std::optional<Seen> seen GUARDED_BY(mutex);
    Bytes expired GUARDED_BY(mutex);  // no reason to forget it: a mount by id may go by it
  };
  const auto learnt = std::make_shared<Learnt>();
  const auto check = [options, selector, seen, learnt](ByteView head) -> Result<uint64_t> {
    Seen copy = seen;
    const auto verified = believe(Bytes(head), options, selector, copy);
    if (verified) return verified->record().revision;
    const MutexLock lock(learnt->mutex);
    learnt->seen = std::move(copy);
    if (verified.error().code == Code::kExpired) learnt->expired = head;
    return verified.error();
  };
  const bool can_do_without = selector.is_complete_id() && kept && kept->head();
  using Patience = std::chrono::milliseconds;
  const Patience patience = can_do_without ? Patience(RepositoryView::kOfflinePatience) : Patience::max();
  auto head = fetcher.read_head(kMaxHeadBytes, check, patience);
  const MutexLock lock(learnt->mutex);
  // Before its versions are remembered: an older one would be of no use then.
  if (kept && head) kept->keep_head(*head);
  if (kept && !head && !learnt->expired.empty()) kept->keep_head(learnt->expired);
  if (!head && learnt->seen) seen = *learnt->seen;
  if (!head && head.error().code == Code::kNotFound) return not_a_repository(options.url, "it has no head.json");
  return head;
}
// Nobody answered, or somebody who is no server of the repository: a captive portal, a page about an error.
bool tells_nothing(Code code) {
  return code == Code::kUnavailable || code == Code::kNotFound || code == Code::kNotARepository ||
         code == Code::kCorrupt || code == Code::kEndlessData;
}

// In place of one that cannot be fetched. Whoever uses it looks at it as at one that was.
Result<Bytes> kept_head(const std::optional<OfflineCopy>& copy, const Error& why) {
  if (auto head = copy ? copy->head() : std::nullopt) return *std::move(head);
  if (why.code != Code::kUnavailable) return why;
  return Error{why.code, why.message + "; and nothing was kept here of an earlier mount"};
}
}  // namespace

Result<std::unique_ptr<RepositoryView>> RepositoryView::open(Fetcher& fetcher, ViewOptions options,
                                                             const SnapshotSelector& selector) {
  std::optional<TrustMemory> memory;
  if (options.trust && !options.state_directory.empty()) memory.emplace(options.state_directory + "/seen");
  Seen seen = memory ? TRY(memory->load(options.trust->repository)) : Seen{};
  std::optional<OfflineCopy> copy;
  if (memory) copy.emplace(options.state_directory + "/offline/" + options.trust->repository);
  auto bytes = fetch_head(fetcher, options, selector, seen, copy);
  const bool is_offline = !bytes && tells_nothing(bytes.error().code) && selector.is_complete_id();
  if (is_offline) bytes = kept_head(copy, bytes.error());
  auto head = bytes ? believe(*bytes, options, selector, seen) : bytes.error();
  if (memory) TRY(memory->remember(options.trust->repository, seen));
  if (!head) return head.error();
  std::unique_ptr<RepositoryView> view(new RepositoryView(fetcher, std::move(options), *std::move(head)));
  if (memory) view->memory_.emplace(*memory);
  if (copy) view->copy_.emplace(*copy);
  view->is_offline_ = is_offline;
  view->seen_ = std::move(seen);
  return view;
}

Result<ResolvedSnapshot> RepositoryView::resolve(const SnapshotSelector& selector) {
  Found found = TRY(find(selector));
  fetcher_.expect(head_.record().names);  // these two beside the snapshot rather than after it
  if (found.release) fetcher_.expect(found.release->catalog);
  Snapshot snapshot = TRY(this->snapshot(found.id));
  if (found.release) {
    if (found.release->tree != snapshot.tree || found.release->catalog != snapshot.catalog)
      return Error{Code::kMixAndMatch, str("snapshot ", found.id, " is not what was signed for it")};
    TRY(check_constraints(*found.release));
  }
  for (uint64_t back = 0; back < selector.generations_back; ++back) {
    if (snapshot.parents.empty())
      return Error{Code::kNotFound,
                   str("no ", selector.text(), ": the history of ", selector.name, " begins ", back, " before it")};
    found.id = snapshot.parents.front();
    snapshot = TRY(this->snapshot(found.id));
  }

  ResolvedSnapshot out;
  out.withdrawn = TRY(check_withdrawn(found.id));
  out.repository = head_.record().repository;
  out.repository_name = head_.record().name;
  out.url = options_.url;
  out.id = found.id;
  out.snapshot = std::move(snapshot);
  out.selector = selector.text();
  out.branch = std::move(found.branch);
  out.tag = std::move(found.tag);
  out.revision = head_.record().revision;
  out.stale_since = head_.stale_since();
  out.trusted = options_.trust.has_value();
  out.freshness = out.stale_since             ? Freshness::kStale
                  : options_.is_clock_trusted ? Freshness::kFresh
                                              : Freshness::kUnknown;
  out.timestamp_at = head_.timestamp().time;
  out.is_offline = is_offline_;
  keep_for_offline(out.id);
  return out;
}

Result<RepositoryView::Found> RepositoryView::find(const SnapshotSelector& selector) {
  using Kind = SnapshotSelector::Kind;
  switch (selector.kind) {
    case Kind::kBranch: return find_branch(selector);
    case Kind::kTag: return find_tag(selector.name);
    case Kind::kSnapshot: return find_id(selector.name);
    case Kind::kAny: break;
  }
  if (head_.record().branches.contains(selector.name)) return find_branch(selector);
  if (selector.is_complete_id()) return find_id(selector.name);
  if (auto tag = find_tag(selector.name); tag || tag.error().code != Code::kNotFound) return tag;
  const bool may_be_id = SnapshotSelector::parse(selector.name, Kind::kSnapshot).has_value();
  if (may_be_id) {
    if (auto id = find_id(selector.name); id || id.error().code != Code::kNotFound) return id;
  }
  return Error{Code::kNotFound,
               str("no branch, tag or snapshot \"", printable(selector.name), "\" in ", head_.record().name,
                   "; branches: ", names_in(head_.record().branches), "; tags: ", names_in(TRY(names()).tags))};
}

Result<RepositoryView::Found> RepositoryView::find_branch(const SnapshotSelector& selector) {
  const std::string& name = selector.name;
  const auto as_found = [&](VerifiedRelease release) { return Found{release.snapshot, std::move(release), name, ""}; };
  if (!selector.date) {
    auto release = head_.resolve_branch(name, seen_);
    if (!release && release.error().code == Code::kNotFound)
      return Error{Code::kNotFound, str("no branch \"", printable(name), "\" in ", head_.record().name,
                                        "; branches: ", names_in(head_.record().branches))};
    if (!release) return explained(release.error());
    TRY(remember());
    return as_found(*std::move(release));
  }
  const auto fetch = [this](uint64_t revision) { return record_file(revision); };
  const Record then = TRY_WITHIN(str("no ", selector.text()), find_record_at(head_.record(), *selector.date, fetch));
  return as_found(TRY_WITHIN(str("no ", selector.text()), head_.resolve_branch_in(then, name)));
}

Result<RepositoryView::Found> RepositoryView::find_tag(const std::string& name) {
  const SharedBytes names = TRY(names_object());
  auto release = head_.resolve_tag(*names, name, seen_);
  if (!release && release.error().code == Code::kNotFound)
    return Error{Code::kNotFound, str("no tag \"", printable(name), "\" in ", head_.record().name,
                                      "; tags: ", names_in(TRY(this->names()).tags))};
  if (!release) return explained(release.error());
  TRY(remember());
  return Found{release->snapshot, *release, "", name};
}

Status RepositoryView::remember() {
  return memory_ ? memory_->remember(head_.record().repository, seen_) : Status(Done{});
}

// A complete id is its own proof. The beginning of one is looked for among what the record's names reach.
Result<RepositoryView::Found> RepositoryView::find_id(const std::string& beginning) {
  if (beginning.size() == 2 * Digest::kSizeBytes) return Found{TRY(Digest::parse(beginning)), std::nullopt, "", ""};
  std::deque<SnapshotId> to_visit;
  for (const auto& [name, statement] : head_.record().branches) {
    if (const auto release = head_.resolve_branch_in(head_.record(), name)) to_visit.push_back(release->snapshot);
  }
  for (const auto& [name, statement] : TRY(names()).tags) {
    if (const auto tag = Statement::parse(statement.payload)) to_visit.push_back(tag->snapshot);
  }
  std::set<SnapshotId> seen;
  std::set<SnapshotId> matches;
  while (!to_visit.empty() && seen.size() < kMaxSearchedSnapshots) {
    const SnapshotId id = to_visit.front();
    to_visit.pop_front();
    if (!seen.insert(id).second) continue;
    if (id.hex().starts_with(beginning)) matches.insert(id);
    const auto found = snapshot(id);
    if (!found) continue;  // removed by a retention: its descendants are what is left
    to_visit.insert(to_visit.end(), found->parents.begin(), found->parents.end());
  }
  if (matches.empty()) return Error{Code::kNotFound, str("no snapshot ", beginning, "... in ", head_.record().name)};
  if (matches.size() > 1)
    return Error{Code::kInvalid, str(matches.size(), " snapshots begin with ", beginning, ": give more digits")};
  return Found{*matches.begin(), std::nullopt, "", ""};
}

Result<SharedBytes> RepositoryView::names_object() {
  if (!names_object_) {
    names_object_ = TRY_WITHIN("cannot read the names", kept_or_fetched(head_.record().names));
    if (copy_) copy_->keep_object(head_.record().names, *names_object_);
  }
  return names_object_;
}

void RepositoryView::keep_for_offline(const SnapshotId& id) {
  const auto object = copy_ ? kept_or_fetched(id) : Error{Code::kNotFound, "nowhere to keep it"};
  if (object) copy_->keep_object(id, **object);
}

Result<SharedBytes> RepositoryView::kept_or_fetched(const ObjectId& id) {
  if (is_offline_) {
    if (auto kept = copy_->object(id)) return std::make_shared<const Bytes>(*std::move(kept));
  }
  return fetcher_.read(id);
}

Result<Names> RepositoryView::names() { return Names::parse(*TRY(names_object())); }

Result<Snapshot> RepositoryView::snapshot(const SnapshotId& id) {
  const auto object = kept_or_fetched(id);
  if (!object && object.error().code == Code::kNotFound)
    return Error{Code::kNotFound,
                 str("no snapshot ", id, " in ", head_.record().name, ": never published, or removed")};
  if (!object) return object.error().within(str("cannot read snapshot ", id.brief()));
  Snapshot snapshot = TRY_WITHIN(str("not a snapshot: ", id.brief()), Snapshot::parse(**object));
  if (snapshot.repository != head_.record().repository)
    return Error{Code::kWrongRepository, str("snapshot ", id, " belongs to repository ", snapshot.repository)};
  return snapshot;
}

Result<Bytes> RepositoryView::record_file(uint64_t revision) {
  return fetcher_.read_document(str("log/", revision, ".json"), kMaxDocumentBytes, Fetcher::Freshness::kAnyCopy);
}

Result<Record> RepositoryView::record(uint64_t revision) {
  return find_record(head_.record(), revision, [this](uint64_t wanted) { return record_file(wanted); });
}

Status RepositoryView::check_constraints(const VerifiedRelease& release) {
  for (const PathConstraint& constraint : release.constraints)
    TRY_WITHIN("cannot trust branch " + release.branch, check_limited_change(constraint, fetcher_));
  return Done{};
}

Result<std::optional<Withdrawal>> RepositoryView::check_withdrawn(const SnapshotId& id) {
  const Names names = TRY(this->names());
  const auto found = names.withdrawn.find(id);
  if (found == names.withdrawn.end()) return std::optional<Withdrawal>();
  if (options_.allow_withdrawn) return std::optional(found->second);
  return Error{Code::kUntrusted,
               str("snapshot ", id.brief(), " was withdrawn on ", format_utc(found->second.time), ": ",
                   printable(found->second.reason), "; use --allow-withdrawn to have it all the same")};
}

}  // namespace granary
