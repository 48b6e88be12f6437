#include "builder/archive/apt_sources.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include "builder/debian/control.h"
#include "fs/base/file.h"

namespace granary {

namespace {
constexpr size_t kMaxSourcesBytes = 4 << 20;

std::vector<std::string> words_of(std::string_view text) {
  std::vector<std::string> words;
  for (auto word = next_word(text); !word.empty(); word = next_word(text)) words.emplace_back(word);
  return words;
}

std::vector<std::string> split_at_commas(std::string_view text) {
  std::string spaced(text);
  std::replace(spaced.begin(), spaced.end(), ',', ' ');
  return words_of(spaced);
}

std::string tidy_url(std::string url) {
  if (url.starts_with("copy:")) url.replace(0, 5, "file:");
  if (url.starts_with("file:/") && !url.starts_with("file://")) url.replace(0, 5, "file://");
  while (url.ends_with('/') && !url.ends_with("://")) url.pop_back();
  return url;
}

// Archives that we can fetch from; cdrom and the like are apt's alone.
bool is_fetchable(std::string_view url) {
  return url.starts_with("http://") || url.starts_with("https://") || url.starts_with("file://");
}

std::vector<std::string> fetchable_urls(const std::vector<std::string>& words) {
  std::vector<std::string> urls;
  for (const std::string& word : words) {
    if (std::string url = tidy_url(word); is_fetchable(url)) urls.push_back(std::move(url));
  }
  return urls;
}

std::string without_comments(std::string_view text) {
  std::string kept;
  while (!text.empty()) {
    const std::string_view line = next_line(text);
    if (!line.starts_with('#')) kept.append(line).append("\n");
  }
  return kept;
}

// A multi-line value as it was meant: each line without its first blank, " ." an empty line.
std::string unfolded(std::string_view value) {
  std::string text;
  while (!value.empty()) {
    const std::string_view line = trimmed(next_line(value));
    if (line != ".") text.append(line);
    text.append("\n");
  }
  return text;
}

Error wrong_line(const std::string& file, size_t line, const std::string& why) {
  return {Code::kInvalid, str("apt's ", printable(file), ".list, line ", line, ": ", why)};
}

// The options between brackets; nothing else of them matters to us.
void read_options(std::string_view text, AptSource& source) {
  for (const std::string& option : words_of(text)) {
    if (option.starts_with("signed-by=")) source.signed_by = split_at_commas(std::string_view(option).substr(10));
  }
}

bool is_security(const AptSource& source) {
  const auto is_security_suite = [](const std::string& suite) {
    return suite.ends_with("-security") || suite.ends_with("/updates");
  };
  const auto is_security_url = [](const std::string& url) {
    return url.ends_with("/debian-security") || url.find("//security.") != std::string::npos;
  };
  return std::any_of(source.suites.begin(), source.suites.end(), is_security_suite) ||
         std::any_of(source.urls.begin(), source.urls.end(), is_security_url);
}

std::string base_of(std::string_view suite) { return std::string(suite.substr(0, suite.find_first_of("-/"))); }

bool is_debian_suite(const std::string& suite) {
  static const std::vector<std::string> kKnown = {"buster",    "bullseye",     "bookworm", "trixie",      "forky",
                                                  "duke",      "sid",          "stable",   "testing",     "unstable",
                                                  "oldstable", "oldoldstable", "rc",       "experimental"};
  return std::find(kKnown.begin(), kKnown.end(), base_of(suite)) != kKnown.end();
}

// How well a source fits as the host's "debian" or "debian-security"; 0: not at all.
int fitness(const AptSource& source, bool security, const std::string& suite) {
  if (is_security(source) != security) return 0;
  const auto& components = source.components;
  if (std::find(components.begin(), components.end(), "main") == components.end()) return 0;
  const auto is_same_archive = [&](const std::string& url) {
    return url.ends_with(security ? "/debian-security" : "/debian");
  };
  const bool exact = std::find(source.suites.begin(), source.suites.end(), suite) != source.suites.end();
  const bool known = std::any_of(source.suites.begin(), source.suites.end(), is_debian_suite);
  const bool named = std::any_of(source.urls.begin(), source.urls.end(), is_same_archive);
  return (exact ? 4 : 0) + (known ? 2 : 0) + (named ? 1 : 0);
}

std::vector<std::string> sorted_files(const std::string& directory, std::initializer_list<std::string_view> suffixes) {
  std::vector<std::string> files;
  std::error_code failure;
  for (const auto& entry : std::filesystem::directory_iterator(directory, failure)) {
    const std::string extension = entry.path().extension();
    if (std::find(suffixes.begin(), suffixes.end(), extension) != suffixes.end() && entry.is_regular_file(failure))
      files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

Result<std::vector<AptSource>> read_sources(const std::string& path) {
  const Bytes text = TRY(read_file(path, kMaxSourcesBytes));
  const std::filesystem::path name(path);
  return name.extension() == ".sources" ? parse_deb822_sources(text, name.stem())
                                        : parse_source_list(text, name.stem());
}

bool is_fingerprint(std::string_view text) {
  return !text.starts_with('/') && text.size() >= 16 &&
         text.find_first_not_of("0123456789ABCDEFabcdef!") == std::string_view::npos;
}
}  // namespace

Result<std::vector<AptSource>> parse_source_list(std::string_view text, const std::string& file) {
  std::vector<AptSource> sources;
  for (size_t number = 1; !text.empty(); ++number) {
    std::string_view line = next_line(text);
    line = trimmed(line.substr(0, line.find('#')));
    const std::string_view type = next_word(line);
    if (type.empty() || type == "deb-src") continue;
    if (type != "deb") return wrong_line(file, number, str("\"", printable(type), "\" is neither deb nor deb-src"));
    AptSource source{file, {}, {}, {}, {}, {}};
    line = trimmed(line);
    if (line.starts_with('[')) {
      const size_t close = line.find(']');
      if (close == std::string_view::npos) return wrong_line(file, number, "a [ is not closed");
      read_options(line.substr(1, close - 1), source);
      line.remove_prefix(close + 1);
    }
    const std::vector<std::string> words = words_of(line);
    if (words.size() < 2) return wrong_line(file, number, "a URL and a suite are needed");
    source.urls = fetchable_urls({words[0]});
    source.suites = {words[1]};
    source.components.assign(words.begin() + 2, words.end());
    if (!source.urls.empty()) sources.push_back(std::move(source));
  }
  return sources;
}

Result<std::vector<AptSource>> parse_deb822_sources(std::string_view text, const std::string& file) {
  std::vector<AptSource> sources;
  const std::string plain = without_comments(text);
  StanzaReader reader(plain);
  for (size_t number = 1; const auto stanza = reader.next(); ++number) {
    if (!stanza->is_well_formed())
      return Error{Code::kInvalid,
                   str("apt's ", printable(file), ".sources, stanza ", number, ": it has a line without a colon")};
    const std::vector<std::string> types = words_of(stanza->field("Types"));
    const bool disabled = equal_ignoring_case(stanza->field("Enabled"), "no");
    if (disabled || std::find(types.begin(), types.end(), "deb") == types.end()) continue;
    AptSource source{file,
                     fetchable_urls(words_of(stanza->field("URIs"))),
                     words_of(stanza->field("Suites")),
                     words_of(stanza->field("Components")),
                     {},
                     {}};
    if (source.suites.empty())
      return Error{Code::kInvalid, str("apt's ", printable(file), ".sources, stanza ", number, ": it names no suite")};
    const std::string_view signed_by = stanza->field("Signed-By");
    if (signed_by.find("-----BEGIN PGP") != std::string_view::npos) {
      source.keys = unfolded(signed_by);
    } else {
      source.signed_by = split_at_commas(signed_by);
    }
    if (!source.urls.empty()) sources.push_back(std::move(source));
  }
  return sources;
}

Result<AptSources> AptSources::of_host() {
  const char* const chosen = std::getenv("GRANARY_APT_SOURCES");
  return read(chosen != nullptr && *chosen != '\0' ? chosen : "/etc/apt");
}

Result<AptSources> AptSources::read(const std::string& directory) {
  AptSources host;
  host.directory_ = directory;
  for (const std::string& place : {directory, directory + "/sources.list.d"}) {
    for (const std::string& path : sorted_files(place, {".list", ".sources"})) {
      for (AptSource& source : TRY(read_sources(path))) host.sources_.push_back(std::move(source));
    }
  }
  if (exists(directory + "/trusted.gpg")) host.trusted_.push_back(directory + "/trusted.gpg");
  for (const std::string& path : sorted_files(directory + "/trusted.gpg.d", {".gpg", ".asc"}))
    host.trusted_.push_back(path);
  return host;
}

Result<ArchivePlace> AptSources::find(const RecipeArchive& archive) const {
  if (!archive.url.empty()) {
    const std::string url = tidy_url(archive.url);
    if (!is_fetchable(url))
      return Error{Code::kInvalid, str("archive ", printable(archive.name), ": ", printable(archive.url),
                                       " is not a URL that starts with http:, https: or file:")};
    return ArchivePlace{{url}, archive.keyring.empty() ? trusted_ : std::vector<std::string>{}, archive.keyring};
  }
  const bool security = archive.name == "debian-security";
  const bool is_debian = security || archive.name == "debian";
  const AptSource* best = nullptr;
  int best_fitness = 0;
  for (const AptSource& source : sources_) {
    const int fits = is_debian ? fitness(source, security, archive.suite) : source.file == archive.name;
    if (fits > best_fitness) best = &source;
    best_fitness = std::max(fits, best_fitness);
  }
  if (best == nullptr) {
    std::string known;
    for (const AptSource& source : sources_) known += str(known.empty() ? "" : ", ", printable(source.file));
    return Error{Code::kNotFound, str("no archive \"", printable(archive.name), "\" among apt's sources in ",
                                      directory_, known.empty() ? " (there are none)" : " (files there: " + known + ")",
                                      ": add it there, or give the archive a url in the recipe")};
  }
  if (!archive.keyring.empty()) return ArchivePlace{best->urls, {}, archive.keyring};
  if (!best->keys.empty()) return ArchivePlace{best->urls, {}, best->keys};
  if (best->signed_by.empty()) return ArchivePlace{best->urls, trusted_, {}};
  for (const std::string& key : best->signed_by) {
    if (is_fingerprint(key))
      return Error{Code::kUnsupported, str("apt's source ", printable(best->file), " is signed by the key ", key,
                                           ": name the file that holds it in Signed-By instead")};
  }
  return ArchivePlace{best->urls, best->signed_by, {}};
}

}  // namespace granary
