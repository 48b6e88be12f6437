#include "support/apt_world.h"

#include <cstdlib>
#include <iostream>

#include "fs/base/digest.h"
#include "fs/base/program.h"

namespace granary {

namespace {
// A test cannot go on without it.
template <class T>
T must(Result<T> result) {
  if (result) return std::move(*result);
  std::cerr << "the test's archive cannot be made: " << result.error().message << std::endl;
  std::abort();
}

void write(const std::string& path, const Bytes& bytes) {
  must(make_directories(path.substr(0, path.rfind('/'))));
  must(replace_file(path, bytes, 0644, Durability::kFast));
}

std::string line_of(const std::string& path, const Bytes& bytes) {
  return str(" ", Digest::of(bytes), " ", bytes.size(), " ", path, "\n");
}

Program quiet(std::vector<std::string> words) {
  Program program;
  program.words = std::move(words);
  program.input = Bytes();
  program.output = program.errors = Program::Stream::kCapture;
  return program;
}
}  // namespace

bool AptWorld::can_be_made() { return run_program(quiet({"gpg", "--version"})).has_value(); }

AptWorld::AptWorld() : work_(must(TemporaryDirectory::make())) {
  must(make_directories(home(), 0700));
  for (const char* name : {"Archive <archive@example.org>", "Stranger <stranger@example.org>"})
    gpg({"--passphrase", "", "--quick-generate-key", name, "ed25519", "sign", "never"});
  gpg({"--output", work_.path() + "/keys.gpg", "--export", "archive@example.org"});
}

AptWorld::~AptWorld() {
  static_cast<void>(run_program(quiet({"gpgconf", "--homedir", home(), "--kill", "gpg-agent"})));
}

void AptWorld::gpg(std::vector<std::string> words) const {
  words.insert(words.begin(), {"gpg", "--homedir", home(), "--batch", "--yes", "--pinentry-mode", "loopback"});
  must(run_program_well(quiet(std::move(words))));
}

Bytes AptWorld::keyring() const { return must(read_file(work_.path() + "/keys.gpg", 1 << 20)); }

Bytes AptWorld::deb_of(const std::string& name, const std::string& version) { return "deb of " + name + " " + version; }

void AptWorld::add(const std::string& suite, const std::string& name, const std::string& version,
                   const std::string& fields) {
  const std::string path = "pool/" + name + "_" + version + "_all.deb";
  const Bytes deb = deb_of(name, version);
  write(directory() + "/" + path, deb);
  packages_[suite] += str("Package: ", name, "\nVersion: ", version, "\nArchitecture: all\n", fields,
                          "Filename: ", path, "\nSize: ", deb.size(), "\nSHA256: ", Digest::of(deb), "\n\n");
}

void AptWorld::publish(const std::string& suite, const SuiteOptions& options) {
  const std::string place = directory() + "/dists/" + suite;
  const std::string index = "main/binary-amd64/Packages";
  const Bytes packages = packages_[suite];
  write(place + "/" + index, packages);
  std::string files = line_of(index, packages);
  if (options.compress) {
    must(run_program_well(quiet({"xz", "-kf", place + "/" + index})));
    files += line_of(index + ".xz", must(read_file(place + "/" + index + ".xz", 64 << 20)));
  }
  write(place + "/Release", str("Origin: Test\nLabel: Test\nSuite: ", suite, "\nCodename: ",
                                options.codename.empty() ? suite : options.codename, "\nDate: ", options.date, "\n",
                                options.valid_until.empty() ? "" : "Valid-Until: " + options.valid_until + "\n",
                                "Architectures: amd64\nComponents: main\nSHA256:\n", files));
  gpg({"--local-user", options.sign ? "archive@example.org" : "stranger@example.org", "--output", place + "/InRelease",
       "--clearsign", place + "/Release"});
}

AptSources AptWorld::sources(const std::string& url, const std::string& suites) const {
  const std::string apt = work_.path() + "/apt";
  write(apt + "/sources.list.d/debian.sources",
        str("Types: deb\nURIs: ", url.empty() ? this->url() : url, "\nSuites: ", suites,
            "\nComponents: main\nSigned-By: ", work_.path(), "/keys.gpg\n"));
  return must(AptSources::read(apt));
}

}  // namespace granary
