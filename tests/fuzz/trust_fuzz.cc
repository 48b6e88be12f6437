// Foreign bytes under rightful signatures: the first byte says which document they stand for, the rest is its payload.
#include "fs/format/trust.h"
#include "fuzz/fuzz.h"
#include "support/signed_world.h"

namespace granary {

namespace {
struct Offer {
  HeadBundle bundle;
  Bytes names;
};

Offer offer_with(SignedWorld& world, char selector, const Bytes& payload) {
  const auto sign = [&](std::string_view kind, TestSigner& key) {
    return signed_by(Envelope::around(kind, payload), {&key});
  };
  Offer offer{{world.roots, world.record_envelope, world.timestamp_envelope}, world.names.serialise()};
  Record record = world.record;
  switch (selector) {
    case 'R': offer.bundle.roots.push_back(sign(Root::kKind, world.root_key)); return offer;
    case 't': offer.bundle.timestamp = sign(Timestamp::kKind, world.timestamp_key); return offer;
    case 'r': offer.bundle.record = sign(Record::kKind, world.release_key); break;
    case 's': record.branches["main"] = sign(Statement::kKind, world.release_key); break;
    default: record.names = Digest::of(payload); offer.names = payload;
  }
  if (selector != 'r') offer.bundle.record = signed_by(record.to_envelope(), {&world.release_key});
  const Timestamp timestamp{record.repository, record.revision, offer.bundle.record.digest(), world.now,
                            world.now + 60};
  offer.bundle.timestamp = signed_by(timestamp.to_envelope(), {&world.timestamp_key});
  return offer;
}
}  // namespace

void try_input(ByteView input) {
  static SignedWorld* const world = [] {
    auto* made = new SignedWorld;
    made->publish("main", "one");
    made->tag("v1", "one");
    return made;
  }();
  if (input.empty()) return;
  const Offer offer = offer_with(*world, input[0], Bytes(input.substr(1)));
  const TrustFile trust = world->trust();
  Seen seen;
  const auto head = verify_head(offer.bundle.serialise(), trust, {TrustPolicy::Freshness::kRequired, world->now}, seen);
  if (!head) return;
  promise(head->record().repository == trust.repository, "only the trusted repository is believed");
  promise(head->timestamp().record == head->record_digest(), "the timestamp names the record");
  promise(seen.revision == head->record().revision, "what is believed is remembered");
  const auto branch = head->resolve_branch("main", seen);
  promise(!branch || branch->branch == "main", "a branch is what it is called");
  const auto tag = head->resolve_tag(offer.names, "v1", seen);
  promise(!tag || seen.tags.at("v1") == tag->snapshot, "a tag is remembered");
}

}  // namespace granary
