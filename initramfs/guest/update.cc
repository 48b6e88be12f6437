#include "initramfs/guest/update.h"

#include <nlohmann/json.hpp>

#include "initramfs/guest/pin_lock.h"
#include "initramfs/lasting_root.h"
#include "initramfs/tree_mount.h"

namespace granary {

namespace {
using Json = nlohmann::json;
constexpr std::chrono::minutes kPatience{2};

std::vector<std::string> resolve_words(const StartedMachine& machine, const std::string& name) {
  std::vector<std::string> words{"/bin/granary-mount",
                                 "--resolve",
                                 "--config",
                                 "/etc/granary/mount.conf",
                                 "--trust",
                                 "/etc/granary/trust/" + machine.trust + ".trust",
                                 "--state",
                                 inside_lasting_root(std::string(paths::kStateFolder) + "/versions"),
                                 "--cache",
                                 "none"};
  if (name.empty())
    words.insert(words.end(), {"--branch", machine.branch});
  else
    words.insert(words.end(), {"--snapshot", name});
  if (!machine.proxy.empty()) words.insert(words.end(), {"--proxy", machine.proxy});
  // A machine that did not know the time when it started has no better clock to judge by now.
  if (machine.freshness == "unknown")
    words.insert(words.end(), {"--clock", "untrusted", "--time-floor", machine.published_at});
  for (size_t i = 1; i < machine.urls.size(); ++i) words.insert(words.end(), {"--mirror", machine.urls[i]});
  words.push_back(machine.urls.empty() ? "" : machine.urls.front());
  return words;
}

// A choice for the next start has to be somewhere at the next start.
Status check_lasting(const StartedMachine& machine) {
  if (machine.lasting) return Done{};
  return Error{Code::kUnsupported,
               "this machine keeps nothing from one start to the next (scratch is in memory): each start takes the "
               "newest; give it an empty disk, or say granary.snapshot= to the kernel"};
}
}  // namespace

Result<Offer> look_for_update(const StartedMachine& machine, const std::string& name) {
  Program program;
  program.words = resolve_words(machine, name);
  program.output = program.errors = Program::Stream::kCapture;
  program.timeout = kPatience;
  const ProgramEnd end = TRY(run_in_lasting_root(program));
  if (!end.ok()) return mount_error(end.status, end.errors);
  const Json in = Json::parse(end.output, nullptr, false);
  const auto word = [&](const char* key) {
    return in.is_object() && in.contains(key) && in[key].is_string() ? in[key].get<std::string>() : std::string();
  };
  Offer offer{word("snapshot"), word("published_at"), word("message"), word("freshness"), false};
  if (offer.snapshot.empty()) return Error{Code::kInternal, "granary-mount --resolve did not say which snapshot it is"};
  offer.is_running = offer.snapshot == machine.snapshot;
  return offer;
}

Result<Offer> apply_update(const StartedMachine& machine, const std::string& name) {
  TRY(check_lasting(machine));
  Offer offer = TRY(look_for_update(machine, name));
  const PinLock lock = TRY(PinLock::take());
  BootPin pin = TRY(load_pin(paths::kStateFolder));
  TRY(note_update(pin, offer.snapshot));
  TRY(store_pin(paths::kStateFolder, pin));
  return offer;
}

Result<std::string> roll_back(const StartedMachine& machine) {
  TRY(check_lasting(machine));
  const PinLock lock = TRY(PinLock::take());
  BootPin pin = TRY(load_pin(paths::kStateFolder));
  std::string next = TRY(note_rollback(pin));
  TRY(store_pin(paths::kStateFolder, pin));
  return next;
}

std::string next_snapshot(const BootPin& pin) {
  return !pin.trial.empty() && pin.tries_left > 0 ? pin.trial : pin.pinned;
}

}  // namespace granary
