#include "tools/published.h"

#include "tools/format.h"

namespace granary {

OrderedJson published_json(const Published& published) {
  return {{"snapshot", published.snapshot.hex()},
          {"tree_digest", published.tree.hex()},
          {"branch", published.branch},
          {"revision", published.revision},
          {"changed", published.changed},
          {"merged", published.merged},
          {"entries", published.entries},
          {"bytes", published.bytes},
          {"changes", published.changes},
          {"files_read", published.files_read},
          {"files_recognised", published.files_recognised},
          {"new_objects", published.new_objects},
          {"new_bytes", published.new_bytes},
          {"profiles", carried_json(published.profiles)}};
}

OrderedJson carried_json(const std::vector<CarriedProfile>& profiles) {
  OrderedJson list = OrderedJson::array();
  for (const CarriedProfile& profile : profiles) {
    OrderedJson json{{"profile", profile.note.name}};
    if (profile.left_out.empty())
      json.update({{"touches", profile.touches},
                   {"kept", profile.kept},
                   {"objects", profile.note.objects},
                   {"bytes", profile.note.bytes}});
    else
      json["left_out"] = profile.left_out;
    list.push_back(std::move(json));
  }
  return list;
}

void print_carried(const std::vector<CarriedProfile>& profiles, Io& io) {
  for (const CarriedProfile& profile : profiles) {
    if (!profile.left_out.empty()) {
      io.out << "  profile " << profile.note.name << " is left out: " << profile.left_out << "\n";
      continue;
    }
    io.out << "  profile " << profile.note.name << " goes on: " << human_count(profile.kept) << " of "
           << human_count(profile.touches) << " touches, " << human_bytes(profile.note.bytes) << "\n";
  }
}

}  // namespace granary
