#include <gtest/gtest.h>

#include "builder/debian/version.h"
#include "fs/base/program.h"
#include "support/seed.h"

namespace granary {
namespace {

// Of characters that versions may have, near each other so that something is compared.
std::string random_version(std::mt19937_64& random) {
  static constexpr std::string_view kCharacters = "0011290a~~+.-AZz";
  std::string version = random() % 4 == 0 ? str(random() % 3, ":") : "";
  version += static_cast<char>('0' + random() % 3);
  for (size_t left = random() % 7; left > 0; --left) version += kCharacters[random() % kCharacters.size()];
  if (version.back() == '-') version += '1';
  return version;
}

TEST(DebianVersionPropertyTest, TheOrderIsDpkgs) {
  auto random = seeded_random();
  std::string script;
  std::vector<std::pair<std::string, std::string>> pairs;
  for (int n = 0; n < 400; ++n) {
    pairs.emplace_back(random_version(random), random_version(random));
    const auto& [left, right] = pairs.back();
    script +=
        str("if dpkg --compare-versions '", left, "' lt '", right, "'; then echo '<'; elif dpkg --compare-versions '",
            left, "' eq '", right, "'; then echo '='; else echo '>'; fi\n");
  }
  Program shell;
  shell.words = {"sh"};
  shell.input = script;
  shell.output = shell.errors = Program::Stream::kCapture;
  const auto end = run_program(shell);
  ASSERT_TRUE(end);
  ASSERT_EQ(end->output.size(), 2 * pairs.size()) << end->errors;
  for (size_t n = 0; n < pairs.size(); ++n) {
    const auto order = compare_versions(pairs[n].first, pairs[n].second);
    EXPECT_EQ(order < 0   ? '<'
              : order > 0 ? '>'
                          : '=',
              end->output[2 * n])
        << pairs[n].first << " and " << pairs[n].second;
  }
}

TEST(DebianVersionPropertyTest, TheOrderIsTotal) {
  auto random = seeded_random();
  for (int n = 0; n < 20'000; ++n) {
    const std::string a = random_version(random), b = random_version(random), c = random_version(random);
    EXPECT_TRUE((compare_versions(a, b) < 0) == (compare_versions(b, a) > 0)) << a << " and " << b;
    const bool ascending = compare_versions(a, b) <= 0 && compare_versions(b, c) <= 0;
    EXPECT_TRUE(!ascending || compare_versions(a, c) <= 0) << a << ", " << b << ", " << c;
  }
}

}  // namespace
}  // namespace granary
