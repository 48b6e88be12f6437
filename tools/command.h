// Command: one sub-command of `granary`. Each stands in a file of its own (tools/NAME.cc), all of them in the
// table of tools/commands.cc. What a command needs of the world comes in as Io, so that a test runs it in-process.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <nlohmann/json.hpp>
#include <ostream>
#include <string>
#include <vector>

#include "fs/base/result.h"

namespace granary {

struct Io {
  std::ostream& out;             // results
  std::ostream& err;             // progress and complaints
  bool err_is_terminal = false;  // progress may rewrite its line
};

// What a parsed command line does.
using Action = std::function<Status(Io&)>;

struct Command {
  const char* name;
  const char* summary;      // one line for `granary --help`
  const char* description;  // paragraphs for `granary NAME --help` and the man page
  const char* examples;     // command lines, one a line, each may be followed by "  # what it does"
  // Declares options and arguments on `app` and returns what to do once they are parsed.
  Action (*define)(CLI::App& app);
};

// All commands, in the order of `granary --help`.
const std::vector<Command>& commands();
// The command line parser with every command declared; `action` is set when one was parsed.
std::unique_ptr<CLI::App> make_parser(Action& action);

// Runs `granary ARGS…` and returns its exit status: 0, 2 for a wrong command line, else the error's Code.
int run_granary(const std::vector<std::string>& args, Io& io);

// JSON in the order in which it was put together.
using OrderedJson = nlohmann::ordered_json;
// One JSON document on a line of its own.
void print_json(Io& io, const OrderedJson& json);

}  // namespace granary
