// `init`: makes a repository, its keys, and the trust file that clients need.
#include <unistd.h>

#include <cstdlib>
#include <filesystem>

#include "server/repository.h"
#include "tools/command.h"
#include "tools/commands.h"

namespace granary {

namespace {
struct Options {
  InitOptions init;
  bool passphrase = false;
  std::string validity = "7d";
  bool json = false;
};

// Apart from the repository, which is served; root's keys where administrators look for them.
std::string default_keys_directory(const std::string& name) {
  if (::geteuid() == 0) return "/etc/granary/keys/" + name;
  const char* config = std::getenv("XDG_CONFIG_HOME");
  if (config != nullptr && *config != '\0') return std::string(config) + "/granary/keys/" + name;
  const char* home = std::getenv("HOME");
  return std::string(home != nullptr ? home : ".") + "/.config/granary/keys/" + name;
}

Result<std::string> absolute(const std::string& path) {
  std::error_code failure;
  std::string out = std::filesystem::absolute(path, failure).lexically_normal().string();
  if (failure) return Error{Code::kInvalid, "not a path: " + path};
  while (out.size() > 1 && out.back() == '/') out.pop_back();
  return out;
}

Status run(const Options& options, Io& io) {
  InitOptions init = options.init;
  init.directory = TRY(absolute(init.directory));
  if (init.keys_directory.empty()) init.keys_directory = default_keys_directory(init.name);
  init.keys_directory = TRY(absolute(init.keys_directory));
  if (init.keys_directory == init.directory || init.keys_directory.starts_with(init.directory + "/")) {
    return Error{
        Code::kInvalid,
        "keys do not belong into the repository, which is served to everybody: choose another place with --keys"};
  }
  init.validity_seconds = TRY(parse_duration_seconds(options.validity));
  if (options.passphrase) init.ask = ask_new_passphrase;
  const Initialised made = TRY(init_repository(init));

  if (options.json) {
    print_json(io, {{"repository", made.trust.repository},
                    {"name", made.trust.name},
                    {"directory", init.directory},
                    {"keys", init.keys_directory},
                    {"trust_file", made.trust_path}});
    return Done{};
  }
  io.out << made.trust.serialise() << "\n";
  io.err << "made repository " << init.name << " in " << init.directory << "\n"
         << "  trust file (printed above too; hand it to clients): " << made.trust_path << "\n"
         << "  keys (release and timestamp):                       " << init.keys_directory << "\n"
         << "  root keys (move them offline; publishing never needs them): " << init.keys_directory << "/root\n"
         << "next: granary publish " << init.directory << " SOURCE\n";
  return Done{};
}

Action define(CLI::App& app) {
  const auto options = std::make_shared<Options>();
  app.add_option("DIR", options->init.directory, "the repository's directory: new, or empty")->required();
  app.add_option("--name", options->init.name, "what people call it, such as sw.example.org")->required();
  app.add_option("--keys", options->init.keys_directory,
                 "where to keep its keys (default: /etc/granary/keys/NAME for root, else ~/.config/granary/keys/NAME)");
  app.add_option("--root-keys", options->init.root_keys, "how many root keys to make")
      ->default_val(1)
      ->check(CLI::Range(1, 16));
  app.add_option("--root-threshold", options->init.root_threshold, "how many of them must sign a change of keys")
      ->default_val(1)
      ->check(CLI::Range(1, 16));
  app.add_option("--validity", options->validity,
                 "how long a timestamp is believed before `granary renew` must have made a new one")
      ->default_val("7d");
  app.add_flag("--passphrase", options->passphrase,
               "encrypt the keys with passphrases (asked for, or from the file $GRANARY_PASSPHRASE_FILE)");
  app.add_flag("--json", options->json, "print a JSON object with the places instead of the trust file");
  return [options](Io& io) { return run(*options, io); };
}
}  // namespace

const Command kInitCommand{
    "init", "make a repository, its keys and its trust file",
    "DIR becomes a repository that any static web server can serve. Prints the trust file that a client needs to mount "
    "it, "
    "and keeps a copy beside the keys. The root keys only say who may publish: move them to a safe place offline.",
    "granary init /srv/sw --name sw.example.org > sw.trust\n"
    "granary init /srv/sw --name sw.example.org --keys /root/sw-keys --passphrase",
    define};

}  // namespace granary
