// Program: starts another program, hands it its input, keeps what it says, and waits for it. No shell is involved.
// Nothing of ours reaches it but what is said here: descriptors are close-on-exec, signals are as a shell leaves them.
// Safe from many threads at once.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "fs/base/bytes.h"

namespace granary {

struct Program {
  enum class Stream { kInherit, kCapture, kDiscard };

  std::vector<std::string> words;                       // the program, found in PATH, and its arguments
  std::optional<std::vector<std::string>> environment;  // "NAME=value"; else ours
  std::string directory;                                // where it works; empty: here
  std::optional<Bytes> input;                           // its standard input; else:
  int input_descriptor = -1;                            // likewise, borrowed; else ours
  Stream output = Stream::kInherit;                     // its standard output
  Stream errors = Stream::kInherit;                     // its standard error
  size_t output_limit_bytes = 64 << 20;                 // more is kEndlessData, and it is killed
  size_t errors_limit_bytes = 64 << 10;                 // of more, the end is kept
  std::chrono::milliseconds timeout{0};                 // later it is killed: kUnavailable; 0: never
};

struct ProgramEnd {
  int status = 0;  // its exit status, 128 + N when signal N ended it
  Bytes output;    // when captured
  Bytes errors;    // when captured
  bool ok() const { return status == 0; }
};

// Waits until the program itself has ended; what it left behind in the background is not waited for.
//   kNotFound     there is no such program: the message names it
//   kPermission   it may not be run
//   kEndlessData  it said more than it may;  kUnavailable  it took longer than it may
// A program that ran and failed is no error here: see ProgramEnd::status.
Result<ProgramEnd> run_program(const Program& program);

// The program must end with 0, else kInternal: the message names it, its status and the end of its standard error, when
// that was captured.
Result<ProgramEnd> run_program_well(const Program& program);

}  // namespace granary
