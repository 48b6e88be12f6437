// `sign`: adds signatures to a document, where the keys are: no repository and no network needed.
#include <algorithm>

#include "fs/base/file.h"
#include "fs/format/trust.h"
#include "server/root_editor.h"
#include "tools/command.h"
#include "tools/commands.h"
#include "tools/key_text.h"

namespace granary {

namespace {
struct Options {
  std::string document;
  std::vector<std::string> keys;
  std::string output;
  bool json = false;
};

// What the keeper of a key is about to vouch for.
Result<std::string> describe_document(const Envelope& envelope) {
  if (envelope.kind() == Root::kKind) return describe_root(TRY(Root::parse(envelope.payload)));
  if (envelope.kind() == Statement::kKind) {
    const Statement statement = TRY(Statement::parse(envelope.payload));
    return str(describe(statement), " of ", statement.repository, " is snapshot ", statement.snapshot, ", tree ",
               statement.tree, "\n");
  }
  if (envelope.kind() == Record::kKind) {
    const Record record = TRY(Record::parse(envelope.payload));
    return str("record ", record.revision, " of ", record.name, ", made ", format_utc(record.time), "\n");
  }
  if (envelope.kind() == Timestamp::kKind) {
    const Timestamp timestamp = TRY(Timestamp::parse(envelope.payload));
    return str("timestamp of revision ", timestamp.revision, ", believed until ", format_utc(timestamp.expires), "\n");
  }
  if (envelope.kind() == "note") return str("note: ", printable(envelope.payload), "\n");
  return Error{Code::kInvalid, str("its type, \"", printable(envelope.payload_type), "\", is none that we sign")};
}

// A root names its own keepers; nobody else's signature is of use on it.
Status check_keeper(const Envelope& envelope, const PublicKey& key, const Io& io) {
  if (envelope.kind() != Root::kKind) return Done{};
  const Root root = TRY(Root::parse(envelope.payload));
  if (root.root.find(key.id()) == nullptr)
    io.err << "note: key " << key.id().brief() << " is no root key of root " << root.version
           << "; its signature counts only if it was one of root " << root.version - 1 << "\n";
  return Done{};
}

Status run(const Options& options, Io& io) {
  const std::string context = "cannot sign " + printable(options.document);
  const Bytes text = TRY_WITHIN(context, read_file(options.document, kMaxDocumentBytes));
  Envelope envelope = TRY_WITHIN(context, Envelope::parse(text));
  io.err << TRY_WITHIN(context, describe_document(envelope));
  std::vector<std::string> ids;
  for (const std::string& path : options.keys) {
    const auto signer = TRY_WITHIN(context, load_key(path));
    TRY_WITHIN(context, check_keeper(envelope, signer->public_key(), io));
    TRY_WITHIN(context, envelope.sign(*signer));
    ids.push_back(signer->public_key().id().hex());
  }
  const std::string& output = options.output.empty() ? options.document : options.output;
  TRY_WITHIN(context, replace_file(output, envelope.serialise() + "\n", 0644, Durability::kDurable));
  if (options.json) {
    print_json(io, {{"document", output}, {"signed_with", ids}, {"signatures", envelope.signatures.size()}});
    return Done{};
  }
  io.out << "signed " << output << " with " << ids.size() << (ids.size() == 1 ? " key" : " keys") << "; it has "
         << envelope.signatures.size() << (envelope.signatures.size() == 1 ? " signature" : " signatures") << "\n";
  return Done{};
}

Action define(CLI::App& app) {
  const auto options = std::make_shared<Options>();
  app.add_option("DOCUMENT", options->document, "a signed or unsigned envelope, such as a proposal of `granary key`")
      ->required();
  app.add_option("-k,--key", options->keys, "a private key file, or a key command; may be repeated")->required();
  app.add_option("-o,--output", options->output, "write the result there (default: in place)");
  app.add_flag("--json", options->json, "print a JSON object");
  return [options](Io& io) { return run(*options, io); };
}
}  // namespace

const Command kSignCommand{"sign", "add a signature to a document, offline",
                           "Prints what the document says, and adds a signature by each key. Several people sign a "
                           "proposed root one after the "
                           "other, each where their key is; `granary key apply` puts it into force.",
                           "granary sign root-2.json --key /media/safe/root-1.key", define};

}  // namespace granary
