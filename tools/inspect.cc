// `inspect`: shows any object, catalog, document or the head in human form. Liberal: decodes as much as it can.
#include "fs/base/file.h"
#include "fs/format/catalog_index.h"
#include "fs/format/profile_plan.h"
#include "fs/store/dir_store.h"
#include "tools/commands.h"
#include "tools/format.h"
#include "tools/reading.h"

namespace granary {

namespace {
struct Options {
  ReadingOptions reading;
  std::string thing = "head";
  bool json = false;
};

// A document with its signatures and, in place of every envelope inside, the document it holds.
OrderedJson opened(const OrderedJson& json);

OrderedJson opened_envelope(const OrderedJson& envelope) {
  OrderedJson shown{{"type", envelope["payloadType"]}, {"signatures", OrderedJson::array()}};
  for (const auto& signature : envelope.value("signatures", OrderedJson::array())) {
    shown["signatures"].push_back(
        {{"algorithm", signature.value("algorithm", "?")}, {"key", signature.value("keyid", "?")}});
  }
  const auto payload = from_base64(envelope.value("payload", ""));
  const OrderedJson document =
      payload ? OrderedJson::parse(*payload, nullptr, false) : OrderedJson(OrderedJson::value_t::discarded);
  if (document.is_discarded()) return envelope;
  shown["digest"] = Digest::of(*payload).hex();
  shown["document"] = opened(document);
  return shown;
}

OrderedJson opened(const OrderedJson& json) {
  if (json.is_object() && json.contains("payload") && json.contains("payloadType") && json["payload"].is_string())
    return opened_envelope(json);
  OrderedJson out = json;
  if (out.is_structured()) {
    for (auto& item : out) item = opened(item);
  }
  return out;
}

void print_document(const OrderedJson& document, const Options& options, Io& io) {
  if (options.json) {
    print_json(io, document);
  } else {
    io.out << document.dump(2, ' ', false, OrderedJson::error_handler_t::replace) << "\n";
  }
}

OrderedJson describe_index(const CatalogIndex& index) {
  OrderedJson json{{"kind", "catalog index"},
                   {"pages", index.page_count},
                   {"bytes", index.page_count * kPageBytes},
                   {"levels", index.has_leaves() ? 2 : 1}};
  json["inlined_pages"] = OrderedJson::array();
  for (const InlinedPage& page : index.inlined) json["inlined_pages"].push_back(page.number);
  json["references"] = OrderedJson::array();
  for (const Digest& reference : index.references) json["references"].push_back(reference.hex());
  return json;
}

// What an object's bytes look like. A pack of files looks like nothing in particular.
OrderedJson describe_object(const ObjectId& id, ByteView plain) {
  OrderedJson json{{"object", id.hex()}, {"plain_bytes", plain.size()}};
  const OrderedJson document =
      plain.starts_with("{") ? OrderedJson::parse(plain, nullptr, false) : OrderedJson(OrderedJson::value_t::discarded);
  if (!document.is_discarded() && document.is_object() && document.contains("granary")) {
    json["kind"] = document["granary"];
    json["document"] = opened(document);
    return json;
  }
  if (plain.starts_with("GRNC")) {
    const auto index = decode_catalog_index(plain);
    if (index) json.update(describe_index(*index));
    return json;
  }
  if (plain.starts_with("GRNP")) {
    json["kind"] = "plan of a profile";
    const auto plan = decode_plan(plain);
    if (!plan) return json;
    json["bytes"] = plan->total_bytes();
    json["fetches"] = OrderedJson::array();
    for (const PlannedObject& object : plan->objects)
      json["fetches"].push_back({{"object", object.id.hex()}, {"bytes", object.size_bytes}});
    return json;
  }
  json["kind"] = plain.starts_with("GRNI")              ? "catalog index leaf"
                 : plain.starts_with("SQLite format 3") ? "first group of a catalog"
                                                        : "data";
  json["begins_with"] = to_hex(plain.substr(0, 32));
  return json;
}

Result<ObjectId> find_object(const std::string& prefix) {
  if (prefix.size() == 2 * Digest::kSizeBytes) return Digest::parse(prefix);
  return Error{Code::kInvalid, str("an object's digest has 64 hexadecimal digits, \"", printable(prefix), "\" has ",
                                   prefix.size(), ": to name a snapshot by its beginning, use snapshot:", prefix)};
}

Status inspect_object(Reading& reading, const Options& options, const ObjectId& id, Io& io) {
  OrderedJson json = describe_object(id, *TRY(reading.objects().read(id)));
  const auto file = read_file(options.reading.where + "/" + object_path(id), kMaxObjectFileBytes);
  if (file) {
    const ObjectHeader header = TRY(read_object_header(*file));
    json["codec"] = name_of(header.codec);
    json["stored_bytes"] = file->size();
  }
  print_document(json, options, io);
  return Done{};
}

Status inspect_document(Reading& reading, const Options& options, const std::string& path, Io& io) {
  const Bytes bytes = TRY(reading.objects().read_document(path, kMaxHeadBytes, Fetcher::Freshness::kAnyCopy));
  const OrderedJson document = OrderedJson::parse(bytes, nullptr, false);
  if (document.is_discarded()) return Error{Code::kCorrupt, path + " is not JSON"};
  print_document(opened(document), options, io);
  return Done{};
}

Status inspect_catalog(Reading& reading, const Options& options, const std::string& name, Io& io) {
  const ResolvedSnapshot snapshot = TRY(reading.resolve(name));
  const auto catalog = TRY(reading.catalog(snapshot));
  const SharedBytes index = TRY(reading.objects().read(snapshot.snapshot.catalog));
  OrderedJson json{{"snapshot", snapshot.id.hex()},
                   {"catalog", snapshot.snapshot.catalog.hex()},
                   {"tree_digest", snapshot.snapshot.tree.hex()}};
  json["entries"] = TRY(catalog->entry_count());
  json["bytes"] = TRY(catalog->total_bytes());
  json["objects"] = TRY(catalog->own_objects()).size();
  json.update(describe_index(TRY(decode_catalog_index(*index))));
  print_document(json, options, io);
  return Done{};
}

Status run(const Options& options, Io& io) {
  const auto reading = TRY(Reading::open(options.reading, {}, io));
  const std::string& thing = options.thing;
  if (thing == "head") return inspect_document(*reading, options, "head.json", io);
  if (thing.starts_with("log/") || thing.starts_with("root/"))
    return inspect_document(*reading, options, thing.ends_with(".json") ? thing : thing + ".json", io);
  if (thing.starts_with("catalog:")) return inspect_catalog(*reading, options, thing.substr(8), io);
  if (thing.starts_with("snapshot:"))
    return inspect_object(*reading, options, TRY(reading->resolve(thing.substr(9))).id, io);
  if (thing == "names") return inspect_object(*reading, options, reading->view().head().record().names, io);
  return inspect_object(*reading, options, TRY(find_object(thing)), io);
}

Action define(CLI::App& app) {
  const auto options = std::make_shared<Options>();
  add_reading_options(app, options->reading);
  app.add_option("THING", options->thing,
                 "head, names, log/REVISION, root/VERSION, snapshot:NAME, catalog:NAME, or an object's digest")
      ->default_val("head");
  app.add_flag("--json", options->json, "on one line");
  return [options](Io& io) { return run(*options, io); };
}
}  // namespace

const Command kInspectCommand{
    "inspect", "show the head, a document, a catalog or an object in human form",
    "Signed documents are opened: envelopes show their signers and what they hold. Shown is what is there; whether it "
    "is sound, `granary check` says.",
    "granary inspect /srv/sw\ngranary inspect /srv/sw log/7\ngranary inspect /srv/sw snapshot:main\ngranary inspect "
    "/srv/sw catalog:v1.2\ngranary inspect /srv/sw 3f2a91c0…  # an object, by its digest",
    define};

}  // namespace granary
