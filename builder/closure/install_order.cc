// Strongly connected components come out of Tarjan's algorithm (SIAM J. Comput. 1, 1972) with what they depend on
// before them. It starts at the packages that everything else needs to run its scripts, as debootstrap does, so that
// these and what they need come first; then at the Essential ones, then at the rest by name.
#include "builder/closure/install_order.h"

#include <algorithm>
#include <string_view>

namespace granary {

namespace {
constexpr std::string_view kFirst[] = {"base-passwd", "base-files", "libc6", "dash",   "libc-bin",
                                       "coreutils",   "perl-base",  "dpkg",  "debconf"};

size_t rank_of(const OrderedPackage& package) {
  const auto* const found = std::find(std::begin(kFirst), std::end(kFirst), package.name);
  return static_cast<size_t>(found - std::begin(kFirst)) + (found == std::end(kFirst) && !package.essential ? 1 : 0);
}

class Orderer {
 public:
  explicit Orderer(const std::vector<OrderedPackage>& packages) : packages_(packages), states_(packages.size()) {
    for (uint32_t number = 0; number < packages.size(); ++number) by_rank_.push_back(number);
    std::vector<size_t> ranks;
    for (const OrderedPackage& package : packages) ranks.push_back(rank_of(package));
    std::sort(by_rank_.begin(), by_rank_.end(), [&](uint32_t a, uint32_t b) {
      return ranks[a] != ranks[b] ? ranks[a] < ranks[b] : packages_[a].name < packages_[b].name;
    });
    places_.resize(packages.size());
    for (uint32_t place = 0; place < by_rank_.size(); ++place) places_[by_rank_[place]] = place;
  }

  std::vector<uint32_t> order() {
    for (const uint32_t number : by_rank_) {
      if (states_[number].index == 0) visit(number);
    }
    return std::move(order_);
  }

 private:
  struct State {
    uint32_t index = 0, lowest = 0;
    bool on_stack = false, done = false;
  };

  bool comes_first(uint32_t a, uint32_t b) const { return places_[a] < places_[b]; }

  std::vector<uint32_t> neighbours(uint32_t number) const {
    std::vector<uint32_t> all = packages_[number].pre_depends;
    all.insert(all.end(), packages_[number].depends.begin(), packages_[number].depends.end());
    std::sort(all.begin(), all.end(), [&](uint32_t a, uint32_t b) { return comes_first(a, b); });
    return all;
  }

  // Chains of dependencies are some tens long: recursion is deep enough.
  void visit(uint32_t number) {
    State& state = states_[number];
    state.index = state.lowest = ++counter_;
    state.on_stack = true;
    stack_.push_back(number);
    for (const uint32_t next : neighbours(number)) {
      if (states_[next].index == 0) {
        visit(next);
        state.lowest = std::min(state.lowest, states_[next].lowest);
      } else if (states_[next].on_stack) {
        state.lowest = std::min(state.lowest, states_[next].index);
      }
    }
    if (state.lowest == state.index) take_component(number);
  }

  void take_component(uint32_t root) {
    std::vector<uint32_t> circle;
    for (uint32_t number = root + 1; number != root;) {
      number = stack_.back();
      stack_.pop_back();
      states_[number].on_stack = false;
      circle.push_back(number);
    }
    while (!circle.empty()) {
      const auto next =
          std::min_element(circle.begin(), circle.end(), [&](uint32_t a, uint32_t b) { return misses_less(a, b); });
      states_[*next].done = true;
      order_.push_back(*next);
      circle.erase(next);
    }
  }

  size_t missing(const std::vector<uint32_t>& wanted) const {
    return static_cast<size_t>(
        std::count_if(wanted.begin(), wanted.end(), [&](uint32_t each) { return !states_[each].done; }));
  }
  bool misses_less(uint32_t a, uint32_t b) const {
    const auto misses = [&](uint32_t number) {
      return std::pair(missing(packages_[number].pre_depends), missing(packages_[number].depends));
    };
    const auto left = misses(a), right = misses(b);
    return left != right ? left < right : comes_first(a, b);
  }

  const std::vector<OrderedPackage>& packages_;
  std::vector<State> states_;
  std::vector<uint32_t> by_rank_;
  std::vector<uint32_t> places_;  // in by_rank_
  std::vector<uint32_t> stack_;
  std::vector<uint32_t> order_;
  uint32_t counter_ = 0;
};
}  // namespace

std::vector<uint32_t> install_order(const std::vector<OrderedPackage>& packages) { return Orderer(packages).order(); }

}  // namespace granary
