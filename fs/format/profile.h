// ProfileNote: the signed word that a plan (profile_plan.h) suits a snapshot, and how a reader finds it
// (docs/format.md, 7.9). Kept among the notes of the names object; never part of a snapshot, so that it can be attached
// later. Believing one costs bounded fetching at worst: it names objects, and says nothing about their contents.
// Value types; pure functions.
#pragma once

#include "fs/format/names.h"
#include "fs/format/profile_plan.h"
#include "fs/format/trust.h"

namespace granary {

struct ProfileNote {
  static constexpr std::string_view kKind = "note";
  static constexpr std::string_view kNoteKind = "profile";

  std::string repository;
  SnapshotId snapshot;  // that it is attached to
  UnixSeconds time = 0;
  std::string name;      // "boot": in the form of a tag's name
  SnapshotId base;       // that the trace was recorded on
  ObjectId plan;         // see decode_plan
  ObjectId trace;        // see Trace; of no use to whoever only mounts
  uint64_t objects = 0;  // in the plan
  uint64_t bytes = 0;    // plain, of the plan's objects together

  // kCorrupt also for a note of another kind than "profile".
  static Result<ProfileNote> parse(ByteView payload);
  Bytes serialise() const;
  Envelope to_envelope() const { return Envelope::around(kKind, serialise()); }

  bool operator==(const ProfileNote&) const = default;
};

// kInvalid, with the rule, unless a profile may have that name.
Status check_profile_name(std::string_view name);

struct VerifiedProfile {
  ProfileNote note;
  std::set<KeyId> signers;
};

// The word of `note`, filed under `snapshot`: signed by release keys of `root`, as many as the role's threshold. Limits
// to branches and paths do not matter here. Nothing: a well-signed note of another kind.
//   kUntrusted        too few signatures of keys in force
//   kWrongRepository  signed for another repository
//   kMixAndMatch      signed for another snapshot
//   kCorrupt, kUnsupported  signed, but its form is not ours
Result<std::optional<VerifiedProfile>> verify_profile(const Envelope& note, const Root& root,
                                                      const SnapshotId& snapshot);

// What `names` says about profiles of one snapshot.
struct Profiles {
  std::map<std::string, VerifiedProfile> by_name;  // the newest of each name
  std::vector<Error> refused;                      // why each note that does not verify was left out
};
Profiles profiles_of(const Root& root, const Names& names, const SnapshotId& snapshot);

// Takes the profiles of that name off a snapshot, believed or not. Returns how many there were.
size_t detach_profiles(Names& names, const SnapshotId& snapshot, const std::string& name);

// The profile of that name. `names` is the object that the head's record names: the caller has compared its digest.
//   kNotFound  there is none: the message says which there are
//   otherwise  there is none, and a note that might have been it was refused: as for verify_profile
Result<VerifiedProfile> find_profile(const VerifiedHead& head, const Names& names, const SnapshotId& snapshot,
                                     const std::string& name);
Result<VerifiedProfile> find_profile(const Root& root, const Names& names, const SnapshotId& snapshot,
                                     const std::string& name);

}  // namespace granary
