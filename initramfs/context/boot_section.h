// The part of user data that is for us: the section [granary], and CernVM's block [ucernvm-begin] … [ucernvm-end].
//
// [granary] begins at a line of its own and goes to the next line in brackets, or to the first line that is neither
// "name = value", a comment nor empty. Where "#" begins a comment (cloud-config, shell scripts), the section may stand
// in comment lines, "# [granary]", "# branch = testing", and goes to the first line that is none; cloud-config is
// searched in this way alone, so that it stays the YAML it is. A part of type text/x-granary is a section all by
// itself.
#pragma once

#include <string>
#include <vector>

#include "initramfs/settings.h"

namespace granary {

// What one text of user data says to us. `type` is its MIME type; empty: user data in one piece.
// Wrong lines are told of in `complaints`, a line each.
std::vector<Saying> parse_boot_sections(std::string_view text, std::string_view type, const std::string& origin,
                                        std::vector<std::string>& complaints);

}  // namespace granary
