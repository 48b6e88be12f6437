// `completion`: prints a completion script for bash or zsh, made from the parser itself: commands, sub-commands,
// options and their fixed choices. What changes is asked when it is needed: mount points of the kernel's table,
// repositories of the configuration.
#include "fs/client/mount_table.h"
#include "fs/fuse/configuration.h"
#include "tools/command.h"
#include "tools/commands.h"

namespace granary {

namespace {
std::vector<const CLI::App*> subcommands_of(const CLI::App& app) {
  return app.get_subcommands([](const CLI::App*) { return true; });
}

std::string words_of(const CLI::App& app) {
  std::string words;
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames()) words += " --" + name;
    for (const std::string& name : option->get_snames()) words += " -" + name;
  }
  for (const CLI::App* sub : subcommands_of(app)) words += " " + sub->get_name();
  return words.empty() ? words : words.substr(1);
}

// What else may stand for the arguments of a command: the words that `granary completion WORD` prints.
std::string live_words_of(const CLI::App& app) {
  bool mounts = false;
  bool repositories = false;
  for (const CLI::Option* option : app.get_options([](const CLI::Option* o) { return o->get_positional(); })) {
    const std::string name = option->get_name(true);
    mounts = mounts || name == "MOUNTPOINT" || name == "PLACE" || name == "WHAT" || name == "MOUNT";
    repositories = repositories || name == "WHAT" || app.get_name() == "mount";
  }
  const bool makes_mounts = app.get_name() == "mount";
  return std::string(mounts && !makes_mounts ? " mounts" : "") + (repositories ? " repositories" : "");
}

void print_case(std::ostream& out, const std::string& pattern, const CLI::App& app) {
  out << "    '" << pattern << "') offered='" << words_of(app) << "'";
  if (const std::string live = live_words_of(app); !live.empty()) out << " live='" << live.substr(1) << "'";
  out << " ;;\n";
}

void print_bash(std::ostream& out, const CLI::App& app) {
  out << "# bash completion for granary: source it, or install it as bash-completion/completions/granary\n"
      << "_granary() {\n"
      << "  local word=${COMP_WORDS[COMP_CWORD]} command= sub= offered= live= kind\n"
      << "  [ \"$COMP_CWORD\" -le 1 ] || command=${COMP_WORDS[1]}\n"
      << "  [ \"$COMP_CWORD\" -le 2 ] || sub=${COMP_WORDS[2]}\n"
      << "  case \"$command $sub\" in\n";
  print_case(out, " ", app);
  for (const CLI::App* command : subcommands_of(app)) {
    for (const CLI::App* sub : subcommands_of(*command))
      print_case(out, command->get_name() + " " + sub->get_name(), *sub);
  }
  out << "  esac\n"
      << "  [ -n \"$offered\" ] || case $command in\n";
  for (const CLI::App* command : subcommands_of(app)) print_case(out, command->get_name(), *command);
  out << "  esac\n"
      << "  for kind in $live; do offered=\"$offered $(\"${COMP_WORDS[0]}\" completion $kind 2>/dev/null)\"; done\n"
      << "  COMPREPLY=($(compgen -W \"$offered\" -- \"$word\"))\n"
      << "}\n"
      << "complete -o default -F _granary granary\n";
}

void print_zsh(std::ostream& out, const CLI::App& app) {
  out << "#compdef granary\n# zsh completion for granary: install it as _granary in a directory of $fpath\n"
      << "_granary() {\n"
      << "  local command= sub= kind offered= live=\n  local -a choices\n"
      << "  (( CURRENT <= 2 )) || command=$words[2]\n"
      << "  (( CURRENT <= 3 )) || sub=$words[3]\n"
      << "  case \"$command $sub\" in\n";
  print_case(out, " ", app);
  for (const CLI::App* command : subcommands_of(app)) {
    for (const CLI::App* sub : subcommands_of(*command))
      print_case(out, command->get_name() + " " + sub->get_name(), *sub);
  }
  out << "  esac\n"
      << "  [ -n \"$offered\" ] || case $command in\n";
  for (const CLI::App* command : subcommands_of(app)) print_case(out, command->get_name(), *command);
  out << "  esac\n"
      << "  for kind in ${=live}; do offered=\"$offered $($words[1] completion $kind 2>/dev/null)\"; done\n"
      << "  choices=(${=offered})\n"
      << "  compadd -a choices\n"
      << "  _files\n"
      << "}\n"
      << "compdef _granary granary\n";
}

void print_mounts(std::ostream& out) {
  const auto table = read_mount_table();
  if (!table) return;
  for (const MountPoint& mount : *table) {
    if (mount.is_granary()) out << mount.path << "\n";
  }
}

Status run(const std::string& what, Io& io) {
  if (what == "mounts") return print_mounts(io.out), Done{};
  if (what == "repositories") {
    const auto configuration = Configuration::load(Configuration::default_place());
    for (const auto& [name, section] : configuration.repositories()) io.out << name << "\n";
    return Done{};
  }
  Action unused;
  const auto parser = make_parser(unused);
  if (what == "bash") print_bash(io.out, *parser);
  if (what == "zsh") print_zsh(io.out, *parser);
  return Done{};
}

Action define(CLI::App& app) {
  const auto what = std::make_shared<std::string>();
  app.add_option("SHELL", *what, "bash or zsh; mounts and repositories print what the scripts ask for")
      ->required()
      ->check(CLI::IsMember({"bash", "zsh", "mounts", "repositories"}));
  return [what](Io& io) { return run(*what, io); };
}
}  // namespace

const Command kCompletionCommand{"completion", "print a completion script for bash or zsh",
                                 "The script completes commands, sub-commands and options, mount points, and the "
                                 "repositories of the configuration;\nfile names complete as usual.",
                                 "granary completion bash > /usr/share/bash-completion/completions/granary\n"
                                 "granary completion zsh > /usr/share/zsh/vendor-completions/_granary\n",
                                 define};

}  // namespace granary
