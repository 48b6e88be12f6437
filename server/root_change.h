// Puts a change of keys into force: the new root, and the first record under it, in one commit.
#pragma once

#include "server/repository.h"
#include "server/root_editor.h"

namespace granary {

struct AppliedRoot {
  Root root;
  uint64_t revision = 0;
  // What stood by the word of keys that may no longer say so, and now stands by ours: whoever revoked a stolen key
  // looks at these.
  std::vector<Statement> signed_anew;
  // Profiles that stood by such keys alone. They are believed no more: whoever wants them attaches them anew.
  std::vector<ProfileNote> lost_profiles;
};

// `proposal`: root n+1, signed. Every branch and tag that it would make unbelievable is signed anew with the release
// keys at hand.
//   kUntrusted  signatures are missing (the message says how many), or our release or timestamp keys are none of the
//   new
//               root's, or may not sign anew what has to be
//   kInvalid    not the successor of the newest root: somebody changed keys meanwhile; make the proposal anew
Result<AppliedRoot> apply_root(Repository& repository, const Envelope& proposal);

// Moves private keys that no role of `root` names any more, but `before` did, into KEYS/retired/, so that nobody is
// asked for their passphrases. Returns the paths they had.
Result<std::vector<std::string>> retire_keys(const KeyDirectory& keys, const Root& before, const Root& root);

}  // namespace granary
