// `showconfig`: what holds for a mount and where that was said: of the configuration, or of a live mount.
#include "fs/client/mount_client.h"
#include "fs/fuse/effective_options.h"
#include "fs/fuse/mount_arguments.h"
#include "tools/command.h"
#include "tools/commands.h"
#include "tools/mount_place.h"

namespace granary {

namespace {
struct Options {
  std::string what;
  std::string config;
  bool json = false;
};

// A line of a table: key, value, where from.
void print_row(Io& io, std::string key, std::string value, const std::string& origin) {
  constexpr size_t kKeyColumn = 18;
  constexpr size_t kValueColumn = 44;
  key.resize(std::max(key.size() + 2, kKeyColumn), ' ');
  value.resize(std::max(value.size() + 2, kValueColumn), ' ');
  io.out << key << value << origin << "\n";
}

void print_values(Io& io, const OrderedJson& values) {
  const auto print = [&io](const std::string& key, const OrderedJson& value) {
    if (value.value("value", "") == "") return;  // an option that nobody gave, and that has no default
    print_row(io, key, value.value("value", ""), value.value("origin", ""));
  };
  for (const auto& [key, value] : values.items()) {
    if (!value.is_array()) print(key, value);
    for (const auto& item : value.is_array() ? value : OrderedJson::array()) print(key, item);
  }
}

OrderedJson json_of(const MountOptions& options) {
  return OrderedJson::parse(effective_json(options).canonical(), nullptr, false);
}

Status show_mount(const MountPoint& mount, bool json, Io& io) {
  const auto answer = OrderedJson::parse(TRY(ask_mount(mount, "options")), nullptr, false);
  if (!answer.is_object() || !answer.contains("values"))
    return Error{Code::kCorrupt, "the mount's answer is not as expected: another version of Granary?"};
  if (json) return print_json(io, answer), Done{};
  print_values(io, answer["values"]);
  return Done{};
}

Status show_repository(const Configuration& configuration, const std::string& name, bool json, Io& io) {
  const bool has_mount_point = configuration.repositories().at(name).find("mount_point") != nullptr;
  std::vector<std::string> places{name};
  if (!has_mount_point) places.emplace_back();
  const MountOptions options = TRY(mount_options_for(configuration, places, {}));
  if (json) return print_json(io, json_of(options)), Done{};
  print_values(io, json_of(options)["values"]);
  return Done{};
}

// What is wrong with any of it; for those that could be mounted, whether their values are good.
std::vector<std::string> problems_of(const Configuration& configuration) {
  std::vector<std::string> out;
  for (const auto& problem : configuration.problems()) out.push_back(problem.text);
  for (const auto& [name, section] : configuration.repositories()) {
    if (configuration.problem_of(name)) continue;
    const auto options = mount_options_for(configuration, {name, "/"}, {});
    if (!options) out.push_back("repository " + name + ": " + options.error().message);
  }
  return out;
}

OrderedJson section_json(const Configuration::Section& section) {
  OrderedJson out = OrderedJson::object();
  const auto add = [&out](const std::string& key, const std::string& value, const std::string& origin) {
    const OrderedJson said{{"value", without_passwords(value)}, {"origin", origin}};
    const MountOption* option = find_mount_option(key);
    if (option != nullptr && option->kind == MountOption::Kind::kList) {
      out[key].push_back(said);
    } else {
      out[key] = said;
    }
  };
  for (const auto& entry : section.entries) add(entry.key, entry.value, entry.origin);
  for (const Setting& setting : section.settings) add(setting.option->key(), setting.value, setting.origin);
  return out;
}

Status show_everything(const Configuration& configuration, bool json, Io& io) {
  const auto problems = problems_of(configuration);
  OrderedJson repositories = OrderedJson::object();
  for (const auto& [name, section] : configuration.repositories()) repositories[name] = section_json(section);
  const OrderedJson defaults = section_json(configuration.defaults());
  if (json) {
    print_json(io, {{"place", configuration.place()},
                    {"defaults", defaults},
                    {"repositories", repositories},
                    {"problems", problems},
                    {"warnings", configuration.warnings()}});
  } else {
    if (!defaults.empty()) io.out << "[defaults]\n", print_values(io, defaults);
    for (const auto& [name, values] : repositories.items()) {
      io.out << "[repository " << name << "]\n";
      print_values(io, values);
    }
    for (const std::string& warning : configuration.warnings()) io.err << "warning: " << warning << "\n";
  }
  if (problems.empty()) return Done{};
  std::string all = str("the configuration in ", configuration.place(), " is wrong");
  for (const std::string& problem : problems) all += (problem == problems.front() ? ": " : "\n  ") + problem;
  return Error{Code::kInvalid, all};
}

Status run(const Options& options, Io& io) {
  const auto configuration =
      Configuration::load(options.config.empty() ? Configuration::default_place() : options.config);
  if (options.what.empty()) return show_everything(configuration, options.json, io);
  if (configuration.repositories().contains(options.what))
    return show_repository(configuration, options.what, options.json, io);
  const auto mount = find_mount(options.what);
  if (mount) return show_mount(*mount, options.json, io);
  return Error{Code::kNotFound, str(printable(options.what), " is neither a mount of Granary nor a repository in ",
                                    configuration.place())};
}

Action define(CLI::App& app) {
  const auto options = std::make_shared<Options>();
  app.add_option("WHAT", options->what, "a repository of the configuration, or a mount point; default: all of it");
  app.add_option("--config", options->config, "another configuration: a file or a directory (default: /etc/granary)")
      ->type_name("PLACE");
  app.add_flag("--json", options->json, "one JSON document; its keys are stable");
  return [options](Io& io) { return run(*options, io); };
}
}  // namespace

const Command kShowconfigCommand{
    "showconfig", "show and check what holds for a mount, and who said so",
    "Without WHAT: everything that the configuration says, after checking all of it: exit status 3 if something is\n"
    "wrong, naming file and line. With a repository: every value that `granary mount NAME` would use, and whether it\n"
    "comes from a line of a file or is the default. With a mount point: what that mount was made with. Passwords are\n"
    "masked.",
    "granary showconfig  # is all of it right?\ngranary showconfig debian  # what `granary mount debian` would do\n"
    "granary showconfig /sw --json | jq .values.quota\n",
    define};

}  // namespace granary
