#include "fs/fuse/request_table.h"

#include "fs/base/file.h"
#include "fuzz/fuzz.h"

// A memory that begins with foreign bytes: whoever takes it over finds requests that lie in their slots, or none.
void granary::try_input(ByteView input) {
  auto memory = RequestTable::make_memory();
  promise(bool(memory), "there is memory");
  const ByteView head = input.substr(0, std::min<size_t>(input.size(), 1 << 16));
  promise(bool(write_all_at(memory->get(), 0, head)), "it can be written");
  for (const auto& header : RequestTable::unanswered_in(memory->get()))
    promise(header.len <= RequestTable::kRequestBytes, "a request lies in its slot");
  const auto table = RequestTable::adopt(std::move(*memory));
  promise(bool(table), "such a memory is taken over");
  if (const auto init = (*table)->init()) promise(request_header(*init)->opcode == FUSE_INIT, "the first is FUSE_INIT");
  for (const uint32_t slot : (*table)->take_over())
    promise(request_header({(*table)->bytes(slot), RequestTable::kRequestBytes}).has_value(), "a request is one");
}
