// One table of words; each prints for people, or one JSON object with --json.
#include "initramfs/guest/guest.h"

#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <functional>
#include <nlohmann/json.hpp>

#include "fs/base/file.h"
#include "initramfs/guest/boot_complete.h"
#include "initramfs/guest/host_keys.h"
#include "initramfs/guest/in_flight.h"
#include "initramfs/guest/update.h"
#include "initramfs/machine.h"
#include "initramfs/paths.h"
#include "initramfs/pin.h"

namespace granary {

namespace {
using Json = nlohmann::json;
using Arguments = std::vector<std::string>;
constexpr int kWrongCommandLine = 2;

constexpr const char* kHelp = R"(granary-guest: what this machine runs from, and what it runs from next.

usage: granary-guest [show|status] [--json]
       granary-guest update check [NAME] [--json]
       granary-guest update apply [NAME] [--reboot]
       granary-guest update rollback [--reboot]
       granary-guest update status [--json]
       granary-guest dns ADDRESS...
       granary-guest proxies LIST

  show             the repository and the snapshot that are the root of this system, and where its changes are kept
  status           the same, and how its mount and its updates are
  update check     whether the branch has a newer snapshot; NAME: a branch, a tag, an id or its beginning, main~3
  update apply     the next start tries the newest, or NAME; if it does not get as far as the boot-complete mark in
                   time (granary.complete_timeout), the machine returns to what it runs now, by itself
  update rollback  the next start tries what was there before the last update; an update that was not tried yet is
                   taken back
  update status    what is pinned, what is tried next, what failed
  dns              other name servers, at once: for the mount, and for the system if nobody else manages them
  proxies          other HTTP proxies, at once: "http://squid.example.org:3128;DIRECT"; until the next start
  boot-complete    the mark itself: for init systems, once everything is up
  pin-files        keep at hand what repairs the network; the tree names more in /usr/lib/granary/pinfiles
  host-keys        make the ssh host keys that are missing and take no time: before the ssh server starts
  other-host-keys  make those that take longer: once everything is up

A machine stays on the snapshot of its first start until it is told otherwise. Its changes lie in a layer of their own
above the snapshot, and stay through updates. What happened at the start: /run/granary-boot/boot.log, machine.json.

Examples:
  granary-guest                            what am I running?
  granary-guest update check && granary-guest update apply --reboot
  granary-guest update apply web-2026-11   the snapshot with this tag
  granary-guest update rollback --reboot

Exit status: 0; of update check: 0 something newer, 1 nothing newer; 2 wrong command line; else as granary(1): 4 not
found, 5 unavailable, 7 untrusted, 17 this machine cannot remember it.
)";

struct Options {
  Arguments words;
  bool json = false, reboot = false;
};

std::string short_id(const std::string& id) { return id.empty() ? "none" : id.substr(0, 12); }

void line(const char* name, const std::string& value) {
  if (!value.empty()) std::printf("%-12s %s\n", name, printable(value).c_str());
}

void print(const Json& json) { std::printf("%s\n", json.dump(2, ' ', true, Json::error_handler_t::replace).c_str()); }

std::string joined(const Arguments& words, const char* between) {
  std::string out;
  for (const std::string& word : words) out += (out.empty() ? "" : between) + word;
  return out;
}

// Root alone may look into scratch; for others it is empty.
BootPin pin_if_readable() { return load_pin(paths::kStateFolder).value_or(BootPin()); }

Json json_of(const StartedMachine& machine, const BootPin& pin) {
  Json out = Json::parse(serialise(machine), nullptr, false);
  out["pinned"] = pin.pinned;
  out["previous"] = pin.previous;
  out["trial"] = pin.trial;
  out["next"] = next_snapshot(pin);
  out["failed_update"] = pin.failed;
  out["last_failure"] = pin.last_failure;
  return out;
}

Result<int> show(const Options& options) {
  const StartedMachine machine = TRY(load_machine());
  if (options.json) {
    print(json_of(machine, pin_if_readable()));
    return 0;
  }
  line("repository", machine.repository_name + " (" + machine.repository + ")");
  line("from", joined(machine.urls, ", "));
  line("snapshot", machine.snapshot + " (" + machine.how + ")");
  line("branch", machine.branch);
  line("published", machine.published_at + ", " + machine.freshness);
  line("tree digest", machine.tree_digest);
  line("path", machine.path);
  line("changes", machine.persistent ? "kept in " + machine.upper : "in memory, gone at the next start");
  line("scratch", machine.scratch);
  line("context", machine.context_source);
  line("addresses", joined(machine.addresses, ", "));
  line("started", machine.booted_at + ", Granary " + machine.granary + ", Linux " + machine.kernel);
  return 0;
}

Result<int> update_status(const Options& options) {
  const StartedMachine machine = TRY(load_machine());
  const BootPin pin = TRY(load_pin(paths::kStateFolder));
  if (options.json) {
    print(json_of(machine, pin));
    return 0;
  }
  line("runs", machine.snapshot + " (" + machine.how + ")");
  line("pinned", pin.pinned);
  line("previous", pin.previous);
  line("next start", next_snapshot(pin) + (pin.trial.empty() || pin.tries_left == 0 ? "" : " (update, under trial)"));
  if (!pin.trial.empty() && pin.tries_left == 0) line("trial", pin.trial + ": being tried now, not at the mark yet");
  if (!pin.failed.empty()) line("failed", pin.failed + ": " + pin.last_failure);
  return 0;
}

Result<int> status(const Options& options) {
  const int shown = TRY(show(options));
  if (options.json || ::geteuid() != 0) return shown;
  return update_status(options);
}

Result<int> check(const Options& options) {
  const StartedMachine machine = TRY(load_machine());
  const Offer offer = TRY(look_for_update(machine, options.words.empty() ? "" : options.words.front()));
  if (options.json) {
    print({{"running", machine.snapshot},
           {"offered", offer.snapshot},
           {"newer", !offer.is_running},
           {"published_at", offer.published_at},
           {"message", offer.message},
           {"freshness", offer.freshness}});
  } else if (offer.is_running) {
    std::printf("nothing newer: this machine runs %s\n", short_id(offer.snapshot).c_str());
  } else {
    std::printf("%s, published %s%s%s\nrun granary-guest update apply%s, then reboot\n", offer.snapshot.c_str(),
                offer.published_at.c_str(), offer.message.empty() ? "" : ": ", printable(offer.message).c_str(),
                options.words.empty() ? "" : (" " + options.words.front()).c_str());
  }
  return offer.is_running ? 1 : 0;
}

Result<int> reboot_if_asked(const Options& options) {
  if (!options.reboot) return 0;
  ::execlp("reboot", "reboot", nullptr);
  return system_error(errno, "cannot reboot");
}

Result<int> apply(const Options& options) {
  const StartedMachine machine = TRY(load_machine());
  const Offer offer = TRY(apply_update(machine, options.words.empty() ? "" : options.words.front()));
  std::printf("the next start tries %s, published %s; %s comes back if it fails\n", short_id(offer.snapshot).c_str(),
              offer.published_at.c_str(), short_id(machine.snapshot).c_str());
  return reboot_if_asked(options);
}

Result<int> rollback(const Options& options) {
  const std::string next = TRY(roll_back(TRY(load_machine())));
  std::printf("the next start takes %s\n", short_id(next).c_str());
  return reboot_if_asked(options);
}

Result<int> dns(const Options& options) {
  TRY(load_machine());
  if (options.words.empty()) return Error{Code::kInvalid, "which name servers? Such as granary-guest dns 192.0.2.53"};
  TRY(change_name_servers(options.words));
  return 0;
}

Result<int> proxies(const Options& options) {
  TRY(load_machine());
  if (options.words.size() != 1)
    return Error{Code::kInvalid, "one list of proxies, such as 'http://squid.example.org:3128;DIRECT'"};
  TRY(change_proxies(options.words.front()));
  return 0;
}

Result<int> boot_complete(const Options&) {
  TRY(reach_boot_complete());
  return 0;
}

Result<int> pin_files(const Options&) {
  const StartedMachine machine = TRY(load_machine());
  std::printf("%zu paths are kept at hand\n", TRY(keep_repair_files(machine)));
  return 0;
}

Result<int> host_keys(const Options&) {
  TRY(make_first_host_keys());
  return 0;
}

Result<int> other_host_keys(const Options&) {
  TRY(make_other_host_keys());
  return 0;
}

struct Word {
  const char *first, *second;
  Result<int> (*run)(const Options& options);
};
constexpr Word kWords[]{{"show", "", show},
                        {"status", "", status},
                        {"update", "check", check},
                        {"update", "apply", apply},
                        {"update", "rollback", rollback},
                        {"update", "status", update_status},
                        {"dns", "", dns},
                        {"proxies", "", proxies},
                        {"boot-complete", "", boot_complete},
                        {"pin-files", "", pin_files},
                        {"host-keys", "", host_keys},
                        {"other-host-keys", "", other_host_keys}};

int end_with(const Result<int>& outcome) {
  if (outcome) return *outcome;
  std::fprintf(stderr, "granary-guest: %s\n", outcome.error().message.c_str());
  return static_cast<int>(outcome.error().code);
}
}  // namespace

int run_guest(const Arguments& arguments) {
  Options options;
  for (const std::string& argument : arguments) {
    if (argument == "--help" || argument == "-h") return std::fputs(kHelp, stdout) < 0;
    options.json |= argument == "--json";
    options.reboot |= argument == "--reboot";
    if (!argument.starts_with("-")) options.words.push_back(argument);
    if (argument.starts_with("-") && argument != "--json" && argument != "--reboot") {
      std::fprintf(stderr, "granary-guest: no such option: %s; see granary-guest --help\n", argument.c_str());
      return kWrongCommandLine;
    }
  }
  if (options.words.empty()) options.words = {"show"};
  for (const Word& word : kWords) {
    const size_t length = *word.second == '\0' ? 1 : 2;
    if (options.words.size() < length || options.words[0] != word.first) continue;
    if (length == 2 && options.words[1] != word.second) continue;
    options.words.erase(options.words.begin(), options.words.begin() + static_cast<long>(length));
    return end_with(word.run(options));
  }
  std::fprintf(stderr, "granary-guest: no such words: %s; see granary-guest --help\n",
               joined(options.words, " ").c_str());
  return kWrongCommandLine;
}

}  // namespace granary
