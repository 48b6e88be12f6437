// User data: whatever it is, what comes of it are sayings of a context, bounded complaints, and the bytes themselves.
#include "fuzz/fuzz.h"
#include "initramfs/context/context.h"

namespace granary {

void try_input(ByteView input) {
  Context context;
  context.source = "s";
  context.user_data = Bytes(input);
  consume_user_data(context);
  promise(context.user_data == input, "the OS gets it as it came");
  for (const Saying& saying : context.sayings) {
    promise(saying.by == SaidBy::kContext && saying.origin == "s", "a saying has its speaker");
    promise(!saying.name.empty() && saying.name.find_first_of(" \n=") == std::string::npos, "a name is a word");
    promise(saying.value.find('\n') == std::string::npos, "a value is on one line");
  }
  std::vector<std::string> complaints;
  (void)settle(context.sayings, complaints);
}

}  // namespace granary
