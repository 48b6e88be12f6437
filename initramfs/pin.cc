#include "initramfs/pin.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "fs/base/file.h"

namespace granary {

namespace {
using Json = nlohmann::json;
constexpr size_t kMaxPinBytes = 64 << 10;
constexpr const char* kName = "pin.json";
constexpr const char* kCopyName = "pin.copy.json";

bool is_id_or_empty(const std::string& text) { return text.empty() || (text.size() <= 128 && from_hex(text)); }

std::string short_id(const std::string& id) { return id.substr(0, 12); }
}  // namespace

BootChoice choose_snapshot(BootPin& pin, const std::string& asked) {
  using What = BootChoice::What;
  if (pin.pinned.empty()) return {What::kNewest, "", ""};
  if (pin.asked != asked)
    return {What::kNewest, "", str("asked for ", asked, " instead of ", pin.asked, ": pinned anew")};
  if (pin.trial.empty()) return {What::kPinned, pin.pinned, ""};
  if (pin.tries_left == 0) {
    const std::string trial = short_id(pin.trial);
    note_failed_trial(pin, "it did not reach the boot-complete mark");
    return {What::kPinned, pin.pinned, str("the update to ", trial, " failed: back to ", short_id(pin.pinned))};
  }
  --pin.tries_left;
  return {What::kTrial, pin.trial, str("update under trial; ", short_id(pin.pinned), " comes back if it fails")};
}

void note_first(BootPin& pin, const std::string& asked, const std::string& snapshot) {
  BootPin fresh;
  fresh.asked = asked;
  fresh.pinned = snapshot;
  if (pin.pinned != snapshot) fresh.previous = pin.pinned;
  pin = std::move(fresh);
}

void note_failed_trial(BootPin& pin, const std::string& why) {
  pin.failed = std::exchange(pin.trial, "");
  pin.last_failure = why;
  pin.tries_left = 0;
}

bool note_complete(BootPin& pin, const std::string& running) {
  if (pin.trial.empty() || pin.trial != running) return false;
  pin.previous = std::exchange(pin.pinned, std::exchange(pin.trial, ""));
  pin.tries_left = 0;
  pin.failed = pin.last_failure = "";
  return true;
}

Status note_update(BootPin& pin, const std::string& snapshot) {
  if (pin.pinned == snapshot)
    return Error{Code::kInvalid, str("snapshot ", short_id(snapshot), " is what this machine boots already")};
  pin.trial = snapshot;
  pin.tries_left = kTrialTries;
  return Done{};
}

Result<std::string> note_rollback(BootPin& pin) {
  if (!pin.trial.empty() && pin.tries_left > 0) {
    pin.trial = "";
    pin.tries_left = 0;
    return pin.pinned;
  }
  if (pin.previous.empty())
    return Error{Code::kNotFound, "there is nothing to go back to: this machine was never updated"};
  pin.trial = pin.previous;
  pin.tries_left = kTrialTries;
  return pin.trial;
}

Bytes serialise(const BootPin& pin) {
  const Json out{
      {"asked", pin.asked},   {"pinned", pin.pinned},         {"previous", pin.previous},        {"trial", pin.trial},
      {"failed", pin.failed}, {"tries_left", pin.tries_left}, {"last_failure", pin.last_failure}};
  return out.dump(2, ' ', true, Json::error_handler_t::replace) + "\n";
}

Result<BootPin> parse_pin(ByteView text) {
  const Json in = Json::parse(text, nullptr, false);
  const Error wrong{Code::kCorrupt, "not a pin"};
  if (!in.is_object()) return wrong;
  BootPin pin;
  const std::pair<const char*, std::string*> texts[]{{"asked", &pin.asked},       {"pinned", &pin.pinned},
                                                     {"previous", &pin.previous}, {"trial", &pin.trial},
                                                     {"failed", &pin.failed},     {"last_failure", &pin.last_failure}};
  for (const auto& [name, text_of] : texts) {
    const auto found = in.find(name);
    if (found == in.end() || !found->is_string()) return wrong;
    *text_of = found->get<std::string>();
  }
  for (const std::string* id : {&pin.pinned, &pin.previous, &pin.trial, &pin.failed}) {
    if (!is_id_or_empty(*id)) return wrong;
  }
  const auto tries = in.find("tries_left");
  if (tries == in.end() || !tries->is_number_unsigned() || tries->get<uint64_t>() > 100) return wrong;
  pin.tries_left = tries->get<uint32_t>();
  return pin;
}

Result<BootPin> load_pin(const std::string& folder) {
  bool damaged = false;
  for (const char* name : {kName, kCopyName}) {
    const auto text = read_file(folder + "/" + name, kMaxPinBytes);
    if (!text) {
      damaged |= text.error().code != Code::kNotFound;
      continue;
    }
    const auto pin = parse_pin(*text);
    if (pin) return *pin;
    damaged = true;
  }
  if (!damaged) return BootPin();
  return Error{Code::kCorrupt,
               str(folder, "/", kName, " and its copy are damaged: which snapshot was pinned is not known")};
}

Status store_pin(const std::string& folder, const BootPin& pin) {
  TRY(make_directories(folder, 0700));
  for (const char* name : {kName, kCopyName})
    TRY(replace_file(folder + "/" + name, serialise(pin), 0600, Durability::kDurable));
  return Done{};
}

}  // namespace granary
