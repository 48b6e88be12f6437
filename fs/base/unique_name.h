// unique_name: part of the name of a file or directory that nobody else makes in the same place: no other thread or
// process, also in another process namespace, where numbers of processes repeat, or on another machine that shares the
// file system. Sixteen hexadecimal digits. Safe from many threads.
#pragma once

#include <string>

namespace granary {

std::string unique_name();

}  // namespace granary
