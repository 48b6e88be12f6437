#include "initramfs/context/boot_section.h"

#include <algorithm>
#include <optional>

#include "fs/base/bytes.h"

namespace granary {

namespace {
constexpr size_t kMostComplaints = 20;

std::string_view trimmed(std::string_view text) {
  const size_t begin = text.find_first_not_of(" \t\r");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t\r") - begin + 1);
}

std::string_view take_line(std::string_view& rest) {
  const size_t end = rest.find('\n');
  const std::string_view line = rest.substr(0, end);
  rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
  return trimmed(line);
}

std::string_view unquoted(std::string_view value) {
  const bool quoted = value.size() >= 2 && value.front() == '"' && value.back() == '"';
  return quoted ? value.substr(1, value.size() - 2) : value;
}

bool is_name(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  });
}

struct Pair {
  std::string_view name, value;
};

std::optional<Pair> pair_of(std::string_view line) {
  const size_t equals = line.find('=');
  if (equals == std::string_view::npos) return std::nullopt;
  const Pair pair{trimmed(line.substr(0, equals)), trimmed(line.substr(equals + 1))};
  return is_name(pair.name) ? std::optional(pair) : std::nullopt;
}

bool is_header(std::string_view line) { return line.starts_with('[') && line.ends_with(']'); }

class SectionReader {
 public:
  SectionReader(const std::string& origin, std::vector<std::string>& complaints)
      : origin_(origin), complaints_(complaints) {}

  // Lines of a text, of which sections are a part.
  void search(std::string_view text, bool in_comments_alone) {
    for (std::string_view rest = text; !rest.empty();) {
      std::string_view line = take_line(rest);
      if (line == "[granary]" && !in_comments_alone)
        section(rest);
      else if (line == "[ucernvm-begin]" && !in_comments_alone)
        cernvm_block(rest);
      else if (line.starts_with('#') && trimmed(line.substr(1)) == "[granary]")
        commented_section(rest);
    }
  }

  // Takes the section's lines off `rest`.
  void section(std::string_view& rest) {
    while (!rest.empty()) {
      const std::string_view before = rest;
      const std::string_view line = take_line(rest);
      if (line.empty() || line.front() == '#' || line.front() == ';') continue;
      if (is_header(line)) {
        if (line != "[/granary]") rest = before;
        return;
      }
      if (!add(line)) {
        complain("\"" + shortened(line) + "\" in [granary] is not NAME = VALUE: the section ends before it");
        rest = before;
        return;
      }
    }
  }

  std::vector<Saying> take() { return std::move(sayings_); }

 private:
  void commented_section(std::string_view& rest) {
    while (!rest.empty()) {
      const std::string_view before = rest;
      const std::string_view line = take_line(rest);
      const std::string_view said = line.starts_with('#') ? trimmed(line.substr(1)) : std::string_view();
      if (!line.starts_with('#') || is_header(said)) {
        rest = before;
        return;
      }
      if (said.empty() || said.front() == '#' || said.front() == ';') continue;
      if (!add(said)) {
        complain("\"" + shortened(said) + "\" in # [granary] is not NAME = VALUE: the section ends before it");
        return;
      }
    }
  }

  bool add(std::string_view line) {
    const auto pair = pair_of(line);
    const bool flag = !pair && is_name(line);
    if (!pair && !flag) return false;
    if (flag)
      say(line, "");
    else
      say(pair->name, unquoted(pair->value));
    return true;
  }

  void cernvm_block(std::string_view& rest) {
    while (!rest.empty()) {
      const std::string_view line = take_line(rest);
      if (line == "[ucernvm-end]") return;
      if (line.empty() || line.front() == '#') continue;
      const auto pair = pair_of(line);
      if (!pair)
        complain("\"" + shortened(line) + "\" in [ucernvm-begin] is not NAME=VALUE; left out");
      else
        cernvm(pair->name, unquoted(pair->value));
    }
    complain("[ucernvm-begin] without [ucernvm-end]; taken to the end");
  }

  // What CernVM's names mean here.
  void cernvm(std::string_view name, std::string_view value) {
    std::string lower;
    for (const char c : name) lower += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    const bool is_url = value.find("://") != std::string_view::npos;
    if (lower == "cvmfs_branch" && is_url) return say("repository", value);
    if (lower == "cvmfs_branch" && value.find('.') != std::string_view::npos)
      return complain("cvmfs_branch=" + shortened(value) +
                      " names a CernVM-FS repository; say repository = URL of a Granary repository in [granary]");
    if (lower == "cvmfs_branch") return say("branch", value);
    if (lower == "cvmfs_tag" && (value.starts_with("HEAD") || value == "trunk")) return;  // the newest, as we do
    if (lower == "cvmfs_tag") return say("tag", value);
    if (lower == "cvmfs_http_proxy") return say("proxy", value);
    if (lower == "cvmfs_server" || lower == "cvmfs_cdn") return servers(lower, value);
    if (lower == "resize_rootfs") return say("resize", value);
    if (lower == "cernvm_path" || lower == "cvmfs_path") return say("path", value);
    if (lower == "cernvm_inject") return say("inject", value);
    static constexpr const char* kKnown[] = {"cvmfs_pac_urls", "cvmfs_wait_on_squid", "useglideinwms",
                                             "use_boothd",     "cvm_cluster_master",  "cvm_cluster_pin",
                                             "cvm_service_url"};
    const bool known = std::any_of(std::begin(kKnown), std::end(kKnown), [&](const char* one) { return lower == one; });
    complain(shortened(name) +
             (known ? " is not supported here; left out" : ": there is no such setting of CernVM's; left out"));
  }

  void servers(const std::string& name, std::string_view value) {
    if (value == "NONE" || value == "none") return;
    if (value.find("://") != std::string_view::npos) return say("repository", value);
    complain(name + "=" + shortened(value) + " is no URL of a repository; say repository = URL in [granary]");
  }

  void say(std::string_view name, std::string_view value) {
    sayings_.push_back({std::string(name), std::string(value), SaidBy::kContext, origin_});
  }
  void complain(const std::string& what) {
    if (++complained_ <= kMostComplaints) complaints_.push_back(origin_ + ": " + what);
  }
  static std::string shortened(std::string_view text) {
    return text.size() <= 60 ? printable(text) : printable(text.substr(0, 60)) + "…";
  }

  const std::string& origin_;
  std::vector<std::string>& complaints_;
  size_t complained_ = 0;
  std::vector<Saying> sayings_;
};
}  // namespace

std::vector<Saying> parse_boot_sections(std::string_view text, std::string_view type, const std::string& origin,
                                        std::vector<std::string>& complaints) {
  SectionReader reader(origin, complaints);
  const bool is_cloud_config = type == "text/cloud-config" || text.starts_with("#cloud-config");
  if (type == "text/x-granary" && text.find("[granary]") == std::string_view::npos)
    reader.section(text);
  else
    reader.search(text, is_cloud_config);
  return reader.take();
}

}  // namespace granary
