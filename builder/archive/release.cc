#include "builder/archive/release.h"

#include <algorithm>
#include <array>
#include <chrono>

#include "builder/debian/control.h"

namespace granary {

namespace {
constexpr size_t kMaxFiles = 200'000;

Error corrupt(std::string_view field, std::string_view value) {
  return {Code::kCorrupt, str("its field ", field, " is not one: \"", printable(value.substr(0, 100)), "\"")};
}

std::optional<uint64_t> number_of(std::string_view text) {
  if (text.empty() || text.size() > 18) return std::nullopt;
  uint64_t number = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return std::nullopt;
    number = number * 10 + static_cast<uint64_t>(c - '0');
  }
  return number;
}

std::vector<std::string> words_of(std::string_view text) {
  std::vector<std::string> words;
  for (auto word = next_word(text); !word.empty(); word = next_word(text)) words.emplace_back(word);
  return words;
}

// Lines of "digest size path".
Status read_files(std::string_view text, Release& release) {
  while (!text.empty()) {
    const std::string_view whole = next_line(text);
    std::string_view line = whole;
    const std::string_view digest = next_word(line);
    if (digest.empty()) continue;
    const auto size = number_of(next_word(line));
    const std::string_view path = trimmed(line);
    const auto parsed = Digest::parse(digest);
    if (!size || !parsed || path.empty() || path.starts_with('/') || path.find("..") != std::string_view::npos)
      return corrupt("SHA256", whole);
    release.files.emplace(path, ReleaseFile{*size, *parsed});
    if (release.files.size() > kMaxFiles)
      return Error{Code::kEndlessData, str("it names more than ", kMaxFiles, " files")};
  }
  return Done{};
}

Result<UnixSeconds> date_in(const Stanza& stanza, std::string_view field) {
  const std::string_view value = stanza.field(field);
  const auto date = parse_release_date(value);
  if (!date) return corrupt(field, value);
  return *date;
}
}  // namespace

Result<UnixSeconds> parse_release_date(std::string_view text) {
  static constexpr std::array<std::string_view, 12> kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                               "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const Error wrong{Code::kCorrupt, str("\"", printable(text.substr(0, 100)), "\" is not a date")};
  std::string_view rest = text;
  if (!next_word(rest).ends_with(',')) return wrong;
  const auto day = number_of(next_word(rest));
  const auto month = std::find(kMonths.begin(), kMonths.end(), next_word(rest));
  const auto year = number_of(next_word(rest));
  std::string_view clock = next_word(rest);
  const std::string_view zone = next_word(rest);
  const bool is_utc = zone == "UTC" || zone == "GMT" || zone == "+0000" || zone == "Z";
  if (!day || month == kMonths.end() || !year || !is_utc || !trimmed(rest).empty()) return wrong;
  std::array<uint64_t, 3> parts{};
  for (uint64_t& part : parts) {
    const size_t end = std::min(clock.find(':'), clock.size());
    const auto number = number_of(clock.substr(0, end));
    if (!number || *number > 60) return wrong;
    part = *number;
    clock.remove_prefix(std::min(end + 1, clock.size()));
  }
  const std::chrono::year_month_day date{std::chrono::year(static_cast<int>(std::min<uint64_t>(*year, 9999))),
                                         std::chrono::month(static_cast<unsigned>(month - kMonths.begin() + 1)),
                                         std::chrono::day(static_cast<unsigned>(std::min<uint64_t>(*day, 99)))};
  if (!date.ok() || parts[0] > 23 || !clock.empty()) return wrong;
  return std::chrono::sys_days(date).time_since_epoch().count() * 86400LL +
         static_cast<UnixSeconds>(parts[0] * 3600 + parts[1] * 60 + parts[2]);
}

Result<Release> Release::parse(ByteView text) {
  StanzaReader reader(text);
  const auto stanza = reader.next();
  if (!stanza) return Error{Code::kCorrupt, "it is empty"};
  Release release;
  release.origin = stanza->field("Origin");
  release.label = stanza->field("Label");
  release.suite = stanza->field("Suite");
  release.codename = stanza->field("Codename");
  release.date = TRY(date_in(*stanza, "Date"));
  if (!stanza->field("Valid-Until").empty()) release.valid_until = TRY(date_in(*stanza, "Valid-Until"));
  release.components = words_of(stanza->field("Components"));
  release.architectures = words_of(stanza->field("Architectures"));
  const auto& architectures = release.architectures;
  release.packages_hold_all =
      std::find(architectures.begin(), architectures.end(), "all") == architectures.end() ||
      stanza->field("No-Support-for-Architecture-all").find("Packages") != std::string_view::npos;
  TRY(read_files(stanza->field("SHA256"), release));
  return release;
}

Status Release::check_suite(const std::string& asked) const {
  if (asked == suite || asked == codename) return Done{};
  return Error{Code::kMixAndMatch,
               str("suite ", printable(asked), " was asked for, but this is the release of ", printable(codename),
                   " (suite ", printable(suite), "): the mirror mixes up its suites, or somebody replays another one")};
}

Status Release::check_fresh(UnixSeconds now) const {
  if (!valid_until || now <= *valid_until) return Done{};
  return Error{Code::kExpired,
               str("it was valid until ", format_utc(*valid_until), " and now it is ", format_utc(now),
                   ": the mirror has not been renewed (choose another in apt's sources), or the clock is wrong")};
}

}  // namespace granary
