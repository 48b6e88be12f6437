#include "tests/support/test_repo.h"

#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <random>

namespace granary {

namespace {
namespace filesystem = std::filesystem;

template <class T>
T must(Result<T> result) {
  if (result) return *std::move(result);
  std::cerr << "TestRepo: " << result.error().message << std::endl;
  std::abort();
}
}  // namespace

TestRepo TestRepo::empty() {
  TemporaryDirectory top = must(TemporaryDirectory::make());
  must(make_directories(top.path() + "/scratch"));
  InitOptions options;
  options.directory = top.path() + "/repository";
  options.name = "test.example.org";
  options.keys_directory = top.path() + "/keys";
  must(init_repository(options));
  auto repository = must(Repository::open(options.directory));
  return {std::move(top), std::move(repository)};
}

TestRepo TestRepo::with(const Files& files) {
  TestRepo repo = empty();
  repo.publish(files);
  return repo;
}

std::string TestRepo::trust_path() const { return top_.path() + "/keys/test.example.org.trust"; }

Result<Published> TestRepo::try_publish(const Files& files, const std::string& branch, const std::string& tag) {
  const TemporaryDirectory source = TRY(TemporaryDirectory::make(scratch()));
  for (const auto& [path, text] : files) {
    const std::string where = source.path() + "/" + path;
    TRY(make_directories(where.substr(0, where.rfind('/'))));
    TRY(replace_file(where, text, 0644, Durability::kFast));
  }
  PublishOptions options;
  options.source = source.path();
  options.branch = branch;
  options.tag = tag;
  options.jobs = 2;
  return granary::publish(*repository_, options, {});
}

Published TestRepo::publish(const Files& files, const std::string& branch, const std::string& tag) {
  return must(try_publish(files, branch, tag));
}

std::vector<std::string> TestRepo::object_files() const {
  std::vector<std::string> names;
  for (const auto& folder : filesystem::directory_iterator(directory() + "/objects")) {
    for (const auto& file : filesystem::directory_iterator(folder.path()))
      names.push_back("objects/" + folder.path().filename().string() + "/" + file.path().filename().string());
  }
  return names;
}

std::string random_text(unsigned seed, size_t size_bytes) {
  std::mt19937 random(seed);
  std::string text(size_bytes, '\0');
  for (char& c : text) c = static_cast<char>(random());
  return text;
}

}  // namespace granary
