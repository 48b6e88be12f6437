// HeadWriter: signs what a publisher says: statements, records, timestamps, and the bundle they travel in. What it
// returns has been verified as a client would: a head that clients would refuse is never written. One thread. Borrows
// the signers.
#pragma once

#include "fs/format/profile.h"
#include "fs/format/trust.h"
#include "server/keys.h"

namespace granary {

// How long a timestamp is believed when nobody says otherwise; `granary renew` is run far more often (tools/systemd).
inline constexpr int64_t kTimestampValiditySeconds = 7 * 86400;

class HeadWriter {
 public:
  // `root`: the newest root.
  HeadWriter(Root root, const Signers& release, const Signers& timestamp)
      : root_(std::move(root)), release_(release), timestamp_(timestamp) {}

  const Root& root() const { return root_; }

  // The paths below which our release keys may change a branch; {""} means everywhere.
  //   kUntrusted  they may not sign this branch at all
  Result<std::vector<Bytes>> allowed_paths(const std::string& branch) const;

  // `current`: the branch's statement in force, if it has one; it becomes the base when our keys are limited to paths
  // (and is left out when they are not).
  //   kUntrusted  our keys may not say this, or not alone (threshold)
  Result<Envelope> sign_statement(Statement statement, const std::optional<Envelope>& current);
  Result<Envelope> sign_profile(const ProfileNote& note);
  Result<Envelope> sign_record(const Record& record);
  // Valid from `now` on, for `validity_seconds`.
  Result<Envelope> sign_timestamp(const Record& record, const RecordDigest& digest, UnixSeconds now,
                                  int64_t validity_seconds);

  // The record signed, with a timestamp and all roots: what becomes head.json.
  Result<HeadBundle> make_bundle(std::vector<Envelope> roots, const Record& record, UnixSeconds now,
                                 int64_t validity_seconds);

  // `bundle` with a new timestamp, as valid as the old one was unless `validity_seconds` is given.
  Result<HeadBundle> renew(HeadBundle bundle, UnixSeconds now, std::optional<int64_t> validity_seconds = {});

 private:
  Status sign(Envelope& envelope, RoleName role, const std::string& branch = {});

  const Root root_;
  const Signers& release_;
  const Signers& timestamp_;
};

// What the bundle's own timestamp is worth in seconds: publishing goes on with it.
Result<int64_t> validity_of(const HeadBundle& bundle);

// How a repository begins.
struct NewRepositoryOptions {
  std::string name;
  std::string keys;  // the key directory to create
  unsigned root_keys = 1;
  unsigned root_threshold = 1;
  UnixSeconds now = 0;
  int64_t validity_seconds = kTimestampValiditySeconds;
  // Called once for the root keys, once for release and timestamp; an empty answer means: no passphrase.
  AskPassphrase ask = [](const std::string&) -> Result<Secret> { return Secret(); };
};
struct NewRepository {
  TrustFile trust;
  Bytes names;  // the plain bytes of the names object that the first record names; to be stored as an object
  HeadBundle head;
};
// Makes keys, root 1, trust file, first record and timestamp. Only the keys are written; the caller stores the rest.
//   kConflict  there are keys in that directory already
Result<NewRepository> create_repository(const NewRepositoryOptions& options);

}  // namespace granary
