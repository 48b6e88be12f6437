#include "tools/command.h"

#include <poll.h>
#include <unistd.h>

#include <csignal>
#include <optional>

#include "fs/base/bytes.h"
#include "fs/base/nearest.h"

namespace granary {

namespace {
constexpr const char* kExitStatuses =
    "EXIT STATUS\n"
    "  0 done, 2 wrong command line, 3 invalid input, 4 not found, 5 unavailable, 6 corrupt, 7 untrusted,\n"
    "  8 expired, 9 conflict, 10 no space, 11 busy, 12 not a repository, 13 no FUSE, 14 bad trust file,\n"
    "  15 bad URL, 16 permission denied, 17 unsupported, 20 rollback, 21 mix and match, 22 endless data,\n"
    "  23 wrong repository, 24 equivocation, 30 internal";

std::string footer_of(const Command& command) {
  std::string footer = "\n";
  if (*command.examples != '\0') {
    footer += "EXAMPLES\n";
    std::istringstream lines(command.examples);
    for (std::string line; std::getline(lines, line);) footer += "  " + line + "\n";
    footer += "\n";
  }
  return footer + kExitStatuses;
}

// Lists sub-commands by the first line of what they say of themselves.
class OneLineSubcommands : public CLI::Formatter {
 public:
  std::string make_subcommand(const CLI::App* sub) const override {
    const std::string description = sub->get_description();
    const std::string summary = description.substr(0, description.find('\n'));
    std::ostringstream line;
    CLI::detail::format_help(line, sub->get_name(), summary, get_column_width());
    return line.str();
  }
};

int report(const Error& error, Io& io) {
  io.err << "granary: " << error.message << "\n";
  return static_cast<int>(error.code);
}
}  // namespace

std::unique_ptr<CLI::App> make_parser(Action& action) {
  auto app = std::make_unique<CLI::App>(
      "Granary keeps operating systems by content: publish a tree, mount it anywhere over plain HTTP.", "granary");
  app->set_version_flag("--version", std::string("granary ") + GRANARY_VERSION);
  app->require_subcommand(1);
  app->formatter(std::make_shared<OneLineSubcommands>());
  app->footer("`granary COMMAND --help` says more about each. Documentation: docs/ and the man pages.");
  for (const Command& command : commands()) {
    CLI::App* sub = app->add_subcommand(command.name, command.summary);
    sub->description(std::string(command.summary) + "\n\n" + command.description);
    sub->footer(footer_of(command));
    const Action run = command.define(*sub);
    sub->callback([run, &action] { action = run; });
  }
  return app;
}

namespace {
// What a shell reports of a program whose output nobody reads any more (`granary ls | head`): no error to speak of.
constexpr int kReaderHasLeft = 128 + SIGPIPE;

bool reader_has_left(int fd) {
  pollfd pipe{fd, 0, 0};
  return ::poll(&pipe, 1, 0) == 1 && (pipe.revents & POLLERR) != 0;
}

// Says which command was probably meant, when `word` is none of them.
std::optional<std::string> unknown_command(const std::string& word) {
  std::vector<std::string> known;
  for (const Command& command : commands()) {
    if (word == command.name) return std::nullopt;
    known.emplace_back(command.name);
  }
  const std::string nearest = nearest_word(word, known);
  const std::string hint = nearest.empty() ? "`granary --help` lists them" : str("did you mean \"", nearest, "\"?");
  return str("there is no command \"", printable(word), "\": ", hint);
}
}  // namespace

int run_granary(const std::vector<std::string>& args, Io& io) {
  if (!args.empty() && args[0][0] != '-') {
    if (const auto complaint = unknown_command(args[0])) {
      io.err << "granary: " << *complaint << "\n";
      return 2;
    }
  }
  Action action;
  const auto parser = make_parser(action);
  std::vector<std::string> reversed(args.rbegin(), args.rend());  // as CLI11 wants them
  try {
    parser->parse(reversed);
  } catch (const CLI::ParseError& stop) {
    const int status = parser->exit(stop, io.out, io.err);
    return status == 0 ? 0 : 2;
  }
  const Status done = action(io);
  io.out.flush();
  if (!done) return report(done.error(), io);
  if (!io.out && reader_has_left(STDOUT_FILENO)) return kReaderHasLeft;
  if (!io.out) return report({Code::kInternal, "cannot write the results to standard output"}, io);
  return 0;
}

void print_json(Io& io, const OrderedJson& json) {
  io.out << json.dump(-1, ' ', false, OrderedJson::error_handler_t::replace) << "\n";
}

}  // namespace granary
