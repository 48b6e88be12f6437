// `man`: writes the manual pages, from the same words as --help, so that they cannot drift apart.
#include <filesystem>
#include <fstream>

#include "fs/fuse/mount_options.h"
#include "tools/command.h"
#include "tools/commands.h"

namespace granary {

namespace {
// Text for roff: backslashes, leading dots and hyphens made safe.
std::string roff(const std::string& text) {
  std::string out;
  bool at_line_start = true;
  for (const char c : text) {
    if (at_line_start && (c == '.' || c == '\'')) out += "\\&";
    if (c == '\\') {
      out += "\\e";
    } else if (c == '-') {
      out += "\\-";
    } else {
      out += c;
    }
    at_line_start = c == '\n';
  }
  return out;
}

std::string option_names(const CLI::Option& option) {
  if (option.nonpositional()) return option.get_name(false, true);
  return option.get_name(true);
}

void write_options(std::ostream& out, const CLI::App& app) {
  for (const CLI::Option* option : app.get_options()) {
    if (option->get_group().empty()) continue;
    out << ".TP\n\\fB" << roff(option_names(*option)) << "\\fR";
    const bool takes_value = option->nonpositional() && option->get_items_expected_max() > 0;
    if (takes_value) out << " \\fI" << roff(option->get_type_name()) << "\\fR";
    out << "\n" << roff(option->get_description()) << "\n";
  }
}

void write_examples(std::ostream& out, const Command& command) {
  if (*command.examples == '\0') return;
  out << ".SH EXAMPLES\n.nf\n" << roff(command.examples) << "\n.fi\n";
}

void write_page(std::ostream& out, const Command& command, const CLI::App& app) {
  const std::string title = str("granary-", command.name);
  out << ".TH \"" << title << "\" 1 \"\" \"granary " << GRANARY_VERSION << "\" \"Granary\"\n";
  out << ".SH NAME\n" << roff(title) << " \\- " << roff(command.summary) << "\n";
  out << ".SH SYNOPSIS\n\\fBgranary " << roff(command.name) << "\\fR [\\fIOPTIONS\\fR]";
  for (const CLI::Option* option : app.get_options([](const CLI::Option* o) { return o->get_positional(); })) {
    out << " \\fI" << roff(option->get_name(true)) << "\\fR";
  }
  out << "\n.SH DESCRIPTION\n" << roff(command.description) << "\n.SH OPTIONS\n";
  write_options(out, app);
  for (const CLI::App* sub : app.get_subcommands([](const CLI::App*) { return true; })) {
    out << ".SS " << roff(sub->get_name()) << "\n" << roff(sub->get_description()) << "\n";
    write_options(out, *sub);
  }
  write_examples(out, command);
  out << ".SH EXIT STATUS\n0 when done, 2 for a wrong command line, else the number of the error: see "
         "\\fBgranary\\fR(1).\n";
}

void write_overview(std::ostream& out) {
  out << ".TH \"granary\" 1 \"\" \"granary " << GRANARY_VERSION
      << "\" \"Granary\"\n.SH NAME\ngranary \\- keeps operating systems by content\n"
      << ".SH SYNOPSIS\n\\fBgranary\\fR \\fICOMMAND\\fR [\\fIOPTIONS\\fR]\n.SH DESCRIPTION\n"
      << "Publishes directory trees as signed, versioned snapshots of deduplicated objects, and mounts any snapshot "
         "lazily over plain HTTP.\n.SH COMMANDS\n";
  for (const Command& command : commands()) {
    out << ".TP\n\\fBgranary\\-" << roff(command.name) << "\\fR(1)\n" << roff(command.summary) << "\n";
  }
  out << ".SH EXIT STATUS\n.nf\n" << roff("0   done\n2   wrong command line") << "\n";
  for (int number = 3; number <= 30; ++number) {
    const std::string word = name_of(static_cast<Code>(number));
    if (word != "unknown") out << number << (number < 10 ? "   " : "  ") << roff(word) << "\n";
  }
  out << ".fi\n";
}

// The mount program has no command line parser of ours, but its options are in a table too.
void write_mount_program(std::ostream& out) {
  out << ".TH \"granary-mount\" 8 \"\" \"granary " << GRANARY_VERSION
      << "\" \"Granary\"\n.SH NAME\ngranary\\-mount, mount.granary \\- mount a snapshot of a Granary repository\n"
      << ".SH SYNOPSIS\n\\fBgranary\\-mount\\fR [\\fIOPTIONS\\fR] \\fIURL\\fR|\\fINAME\\fR [\\fIMOUNTPOINT\\fR]\n.br\n"
      << "\\fBmount \\-t granary\\fR [\\fB\\-o\\fR \\fILIST\\fR] \\fIURL\\fR|\\fINAME\\fR \\fIMOUNTPOINT\\fR\n"
      << ".br\n\\fBgranary\\-mount \\-\\-resolve\\fR [\\fIOPTIONS\\fR] \\fIURL\\fR|\\fINAME\\fR\n.br\n"
      << "\\fBgranary\\-mount \\-\\-fetch\\fR [\\fIOPTIONS\\fR] \\fIURL\\fR\n.br\n"
      << "\\fBgranary\\-mount \\-\\-tell\\fR \\fIMOUNTPOINT WORDS\\fR\n"
      << ".SH DESCRIPTION\nThe program behind\n.BR granary\\-mount (1),\nwhich hands over to it, and the helper of\n"
      << ".BR mount (8).\nNAME is a repository of the configuration in /etc/granary; see\n.BR granary\\-showconfig "
         "(1).\n.PP\n\\-\\-resolve prints which snapshot would be mounted, \\-\\-fetch gets one document over HTTP, "
         "\\-\\-tell changes or asks a live mount; each explains itself with \\-\\-help.\n"
      << ".SH OPTIONS\n";
  for (const MountOption& option : mount_options()) {
    const bool is_listed = option.kind == MountOption::Kind::kKernelFlag;
    out << ".TP\n\\fB" << roff(str(is_listed ? "-o " : "--", option.name)) << "\\fR";
    if (!option.is_flag()) out << " \\fI" << roff(option.value) << "\\fR";
    out << "\n" << roff(option.help);
    if (*option.fallback != '\0') out << roff(str(" (default: ", option.fallback, ")"));
    out << "\n";
  }
  out << ".SH SEE ALSO\n.BR granary\\-mount (1),\n.BR granary\\-umount (1),\n.BR mount (8),\n.BR fstab (5)\n";
}

Status run(const std::string& directory, Io& io) {
  Action unused;
  const auto parser = make_parser(unused);
  std::error_code failure;
  std::filesystem::create_directories(directory, failure);
  const auto write = [&](const std::string& name, const std::function<void(std::ostream&)>& fill) -> Status {
    std::ofstream file(directory + "/" + name);
    fill(file);
    file.close();
    if (!file) return Error{Code::kInternal, str("cannot write ", directory, "/", name)};
    return Done{};
  };
  TRY(write("granary.1", write_overview));
  TRY(write("granary-mount.8", write_mount_program));
  TRY(write("mount.granary.8", [](std::ostream& out) { out << ".so man8/granary-mount.8\n"; }));
  for (const Command& command : commands()) {
    const CLI::App* app = parser->get_subcommand(command.name);
    TRY(write(str("granary-", command.name, ".1"), [&](std::ostream& out) { write_page(out, command, *app); }));
  }
  io.out << "wrote " << commands().size() + 3 << " manual pages to " << directory << "\n";
  return Done{};
}

Action define(CLI::App& app) {
  const auto directory = std::make_shared<std::string>();
  app.add_option("DIRECTORY", *directory, "where to write them")->required();
  return [directory](Io& io) { return run(*directory, io); };
}
}  // namespace

const Command kManCommand{
    "man", "write the manual pages of all commands into a directory",
    "The pages are made from the same words as --help. The build installs them; this is how it makes them.",
    "granary man build/man && man build/man/granary-publish.1", define};

}  // namespace granary
