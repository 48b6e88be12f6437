// LayerInputs: everything that a layer of a tree is made from, as a JSON document; LayerKey: its digest, under which
// the finished layer is found again. What is not in the document cannot change the layer; what is in it and differs is
// why a layer has to be made anew, in words. Value types and pure functions.
//
// The document, canonical JSON (fs/format/json.h), members beside the kind as follows:
//   cook               kCookFormat: how layers are made
//   mode               "fast" or "reference"
//   name               "core", a recipe of the chain, or "own"
//   lower              key of the layer below; none for the lowest
//   architecture, source_date_epoch
//   packages           in order, each "name version architecture sha256"
//   accounts           those that these packages make: "name": "user 104 110 /run/sshd ..."
//   debconf            the answers given before configuring
//   recipe             of the recipe's own layer: "file /etc/motd": digest of all that it says, likewise users, groups
//                      and hooks, "order" of the hooks; locale, timezone, hostname as they are
#pragma once

#include <optional>

#include "builder/recipe/lock.h"
#include "builder/tree/install.h"
#include "fs/format/json.h"

namespace granary {

// Raised by whoever changes what a tree becomes from the same lock.
inline constexpr int kCookFormat = 2;

using LayerKey = Digest;

struct LayerInputs {
  std::string name;
  JsonValue::Object document;

  LayerKey key() const;
  Bytes text() const;  // canonical
  static Result<LayerInputs> parse(ByteView text);
};

// The layers of a lock from the lowest to the recipe's own, which is the last.
std::vector<LayerInputs> layers_of(const Lock& lock, InstallMode mode);
// The numbers of the packages of layer `layer`, in order.
std::vector<uint32_t> packages_of_layer(const Lock& lock, uint32_t layer);

// What differs, each as "openssl 3.0.15-1 → 3.0.16-1", "hook setup changed", "the layer below changed"; the most
// telling first. Empty when they are equal.
std::vector<std::string> differences(const LayerInputs& before, const LayerInputs& after);
// The one of `known` that is most like `wanted`: same name, then most packages in common.
const LayerInputs* nearest(const LayerInputs& wanted, const std::vector<LayerInputs>& known);

}  // namespace granary
