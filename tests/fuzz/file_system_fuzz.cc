#include "initramfs/scratch/file_system.h"

#include "fuzz/fuzz.h"

void granary::try_input(ByteView input) {
  const FileSystemFound found = identify_file_system(input);
  promise(found.label.size() <= 16, "a label is short");
  promise(found.label.empty() || !found.type.empty(), "what has a label has a type");
}
