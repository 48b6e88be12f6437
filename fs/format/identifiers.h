// The forms of names in documents (docs/format.md, 7.1). Pure functions.
#pragma once

#include <string>
#include <string_view>

#include "fs/base/result.h"

namespace granary {

// A UUID in lower case, such as 0f8fad5b-d9cb-469f-a165-70867728950e.
bool is_repository_uuid(std::string_view text);
std::string make_repository_uuid();  // a random one (version 4)

// What people call a repository: 1 to 255 of a-z0-9.-
bool is_repository_name(std::string_view text);
// A branch or tag: 1 to 128 of A-Za-z0-9._/+-, first a letter or digit, no empty, "." or ".." component.
bool is_ref_name(std::string_view text);
// A branch that cooking keeps for itself, below "cook/": lists for people leave it out (docs/format.md, 7.1).
bool is_cook_branch(std::string_view name);

// kInvalid, with the rule, unless the name has that form.
Status check_repository_name(std::string_view name);
Status check_ref_name(std::string_view name);

}  // namespace granary
