// `cat`: writes a file of a snapshot to standard output, without mounting it.
#include "tools/commands.h"
#include "tools/reading.h"

namespace granary {

namespace {
struct Options {
  ReadingOptions reading;
  std::vector<std::string> paths;
  std::string snapshot = "main";
};

Status write_hole(uint64_t length_bytes, Io& io) {
  static const Bytes kZeros(64 << 10, '\0');
  for (uint64_t left = length_bytes; left > 0 && io.out;) {
    const uint64_t now = std::min<uint64_t>(left, kZeros.size());
    io.out.write(kZeros.data(), static_cast<std::streamsize>(now));
    left -= now;
  }
  return Done{};
}

Status write_slice(Fetcher& objects, const Slice& slice, Io& io) {
  if (slice.is_hole()) return write_hole(slice.length_bytes, io);
  const SharedBytes object = TRY(objects.read(slice.object));
  if (slice.offset_bytes + slice.length_bytes > object->size())
    return Error{Code::kCorrupt, str("a slice reaches beyond object ", slice.object)};
  io.out.write(object->data() + slice.offset_bytes, static_cast<std::streamsize>(slice.length_bytes));
  return Done{};
}

// A window at a time, so that a file of many slices is not listed whole.
Status write_file(Catalog& catalog, Fetcher& objects, const Entry& file, Io& io) {
  constexpr uint64_t kWindowBytes = uint64_t{64} << 20;
  for (uint64_t at = 0; at < file.node.size_bytes && io.out;) {
    const uint64_t window = std::min(kWindowBytes, file.node.size_bytes - at);
    const uint64_t end = at + window;
    for (const auto& placed : TRY(catalog.slices(file, at, window))) {
      Slice slice = placed.slice;
      const uint64_t from = std::max(placed.start_bytes, at);
      const uint64_t to = std::min(placed.start_bytes + slice.length_bytes, end);
      slice.offset_bytes += from - placed.start_bytes;
      slice.length_bytes = to - from;
      TRY(write_slice(objects, slice, io));
    }
    at = end;
  }
  return Done{};
}

Status run(const Options& options, Io& io) {
  const auto reading = TRY(Reading::open(options.reading, TRY(selector_of(options.snapshot)), io));
  const ResolvedSnapshot snapshot = TRY(reading->resolve(options.snapshot));
  const auto catalog = TRY(reading->catalog(snapshot));
  for (const std::string& given : options.paths) {
    const Entry file = TRY_WITHIN(str("snapshot ", snapshot.id.brief()), catalog->resolve(TRY(tree_path(given))));
    if (!file.node.is_file())
      return Error{Code::kInvalid, str(printable(given), " is a ", name_of(file.node.type), ", not a file")};
    TRY_WITHIN("cannot read " + printable(given), write_file(*catalog, reading->objects(), file, io));
  }
  return Done{};
}

Action define(CLI::App& app) {
  const auto options = std::make_shared<Options>();
  add_reading_options(app, options->reading);
  app.add_option("PATH", options->paths, "the files")->required();
  app.add_option("-s,--snapshot", options->snapshot, "a branch, tag, snapshot id, main@DATE or main~N")
      ->default_val("main");
  return [options](Io& io) { return run(*options, io); };
}
}  // namespace

const Command kCatCommand{"cat", "write a file of a snapshot to standard output",
                          "Symbolic links are not followed; holes are written as zeros.",
                          "granary cat /srv/sw etc/os-release\ngranary cat /srv/sw etc/motd --snapshot main~1", define};

}  // namespace granary
