#include "server/tree_builder.h"

namespace granary {

namespace {
SourceNode plain_directory() {
  SourceNode node;
  node.type = NodeType::kDirectory;
  node.mode = 0755;
  return node;
}
}  // namespace

size_t TreeBuilder::Hash::operator()(const Place& place) const {
  return std::hash<ByteView>()(place.name) ^ (place.parent * size_t{0x9e3779b97f4a7c15});
}

TreeBuilder::TreeBuilder() { tree_.add(SourceTree::kRoot, {}, plain_directory()); }

std::optional<SourceTree::Number> TreeBuilder::find(ByteView path) const {
  Number at = SourceTree::kRoot;
  while (!path.empty()) {
    const ByteView name = path.substr(0, path.find('/'));
    path.remove_prefix(std::min(path.size(), name.size() + 1));
    const auto found = by_place_.find(Place{at, name});
    if (found == by_place_.end()) return std::nullopt;
    at = *found;
  }
  return at;
}

TreeBuilder::Number TreeBuilder::add(Number parent, ByteView name, const SourceNode& node) {
  const Number number = tree_.add(parent, name, node);
  by_place_.insert(number);
  return number;
}

Result<TreeBuilder::Number> TreeBuilder::directory_above(ByteView path) {
  Number at = SourceTree::kRoot;
  for (size_t slash = path.find('/'); slash != ByteView::npos; slash = path.find('/')) {
    const ByteView name = path.substr(0, slash);
    path.remove_prefix(slash + 1);
    const auto found = by_place_.find(Place{at, name});
    at = found != by_place_.end() ? *found : add(at, name, plain_directory());
    if (!tree_.node(at).is_directory())
      return Error{Code::kInvalid, str("it lies below /", printable(tree_.path(at)), ", which is a ",
                                       name_of(tree_.node(at).type), " and no directory")};
  }
  return at;
}

Status TreeBuilder::put(ByteView path, const SourceNode& node) {
  if (path.empty() && !node.is_directory()) return Error{Code::kInvalid, "the root must be a directory"};
  if (path.empty()) {
    tree_.node(SourceTree::kRoot) = node;
    return Done{};
  }
  const Number parent = TRY(directory_above(path));
  const ByteView name = path.substr(path.rfind('/') + 1);
  const auto found = by_place_.find(Place{parent, name});
  if (found == by_place_.end()) {
    add(parent, name, node);
  } else if (tree_.node(*found).is_directory() && !node.is_directory()) {
    tree_.drop(*found);
    by_place_.erase(found);
    add(parent, name, node);
  } else {
    tree_.node(*found) = node;
  }
  return Done{};
}

Status TreeBuilder::link(ByteView path, Number target) {
  if (tree_.node(target).is_directory()) return Error{Code::kInvalid, "it is a hard link to a directory"};
  if (tree_.node(target).link_group == 0) tree_.node(target).link_group = ++last_link_group_;
  const SourceNode node = tree_.node(target);
  return put(path, node);
}

SourceTree TreeBuilder::finish() {
  tree_.seal();
  return std::move(tree_);
}

}  // namespace granary
