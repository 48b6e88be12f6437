#include "server/ingest.h"

#include "server/tree_diff.h"

namespace granary {

Result<Ingested> ingest(TreeSource& source, ObjectWriter& writer, KnownContents* known, StatCache* stats, Catalog* base,
                        const IngestOptions& options) {
  ContentTable contents;
  Packer packer(writer, known, contents, options.together);
  Intake intake{writer, packer, contents, stats, options.jobs, options.progress, {}};

  const SourceTree tree = TRY(source.read(intake));
  TRY(packer.finish());
  ChangeSet changes = TRY(diff_source(tree, contents, base, options.subpath));
  TRY(writer.flush());
  return Ingested{std::move(changes), intake.counters};
}

}  // namespace granary
