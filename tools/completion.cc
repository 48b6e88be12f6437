// `completion`: prints a completion script for bash or zsh, made from the parser itself.
#include "tools/command.h"
#include "tools/commands.h"

namespace granary {

namespace {
std::string words_of(const CLI::App& app) {
  std::string words;
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames()) words += " --" + name;
    for (const std::string& name : option->get_snames()) words += " -" + name;
  }
  for (const CLI::App* sub : app.get_subcommands([](const CLI::App*) { return true; })) words += " " + sub->get_name();
  return words.empty() ? words : words.substr(1);
}

void print_bash(std::ostream& out, const CLI::App& app) {
  out << "# bash completion for granary: source it, or install it as bash-completion/completions/granary\n"
      << "_granary() {\n"
      << "  local word=${COMP_WORDS[COMP_CWORD]} words\n"
      << "  case ${COMP_CWORD}:${COMP_WORDS[1]} in\n"
      << "    1:*) words='" << words_of(app) << "' ;;\n";
  for (const Command& command : commands()) {
    out << "    *:" << command.name << ") words='" << words_of(*app.get_subcommand(command.name)) << "' ;;\n";
  }
  out << "  esac\n"
      << "  COMPREPLY=($(compgen -W \"$words\" -- \"$word\"))\n"
      << "}\n"
      << "complete -o default -F _granary granary\n";
}

void print_zsh(std::ostream& out, const CLI::App& app) {
  out << "#compdef granary\n# zsh completion for granary: install it as _granary in a directory of $fpath\n"
      << "autoload -U +X bashcompinit && bashcompinit\n";
  print_bash(out, app);
}

Status run(const std::string& shell, Io& io) {
  Action unused;
  const auto parser = make_parser(unused);
  if (shell == "bash") print_bash(io.out, *parser);
  if (shell == "zsh") print_zsh(io.out, *parser);
  return Done{};
}

Action define(CLI::App& app) {
  const auto shell = std::make_shared<std::string>();
  app.add_option("SHELL", *shell, "bash or zsh")->required()->check(CLI::IsMember({"bash", "zsh"}));
  return [shell](Io& io) { return run(*shell, io); };
}
}  // namespace

const Command kCompletionCommand{"completion", "print a completion script for bash or zsh",
                                 "The script completes commands and options; file names complete as usual.",
                                 "granary completion bash > /usr/share/bash-completion/completions/granary", define};

}  // namespace granary
