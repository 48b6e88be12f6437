// `cat`: writes a file of a snapshot to standard output, without mounting it.
#include "fs/format/file_content.h"
#include "tools/commands.h"
#include "tools/reading.h"

namespace granary {

namespace {
struct Options {
  ReadingOptions reading;
  std::vector<std::string> paths;
  std::string snapshot = "main";
};

Status run(const Options& options, Io& io) {
  const auto reading = TRY(Reading::open(options.reading, TRY(selector_of(options.snapshot)), io));
  const ResolvedSnapshot snapshot = TRY(reading->resolve(options.snapshot));
  const auto catalog = TRY(reading->catalog(snapshot));
  FileContent content(*catalog, reading->objects());
  // Whoever reads standard output may leave; main finds out why.
  const auto write = [&](ByteView piece) -> Status {
    if (io.out.write(piece.data(), static_cast<std::streamsize>(piece.size()))) return Done{};
    return Error{Code::kInternal, "nobody reads any more"};
  };
  for (const std::string& given : options.paths) {
    const Entry file = TRY_WITHIN(str("snapshot ", snapshot.id.brief()), catalog->resolve(TRY(tree_path(given))));
    if (!file.node.is_file())
      return Error{Code::kInvalid, str(printable(given), " is a ", name_of(file.node.type), ", not a file")};
    const Status written = content.read(file, write);
    if (!written && io.out) return written.error().within("cannot read " + printable(given));
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
