#include "initramfs/tree_mount.h"

#include <sys/mount.h>
#include <sys/xattr.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <nlohmann/json.hpp>

#include "fs/base/file.h"
#include "initramfs/folder.h"
#include "initramfs/lasting_root.h"
#include "initramfs/mounts.h"
#include "initramfs/paths.h"

namespace granary {

namespace {
using Json = nlohmann::json;
constexpr size_t kMaxTrustBytes = 1 << 20;
constexpr std::chrono::minutes kMountTimeout{3};

std::vector<std::string> trust_names(const std::string& folder) {
  std::vector<std::string> names;
  for (const std::string& name : names_in(folder)) {
    if (name.size() > 6 && name.ends_with(".trust")) names.push_back(name.substr(0, name.size() - 6));
  }
  std::sort(names.begin(), names.end());
  return names;
}

std::string joined(const std::vector<std::string>& words) {
  std::string out;
  for (const std::string& word : words) out += (out.empty() ? "" : ", ") + word;
  return out;
}

Result<ImageTrust> load_trust(const std::string& folder, const std::string& name) {
  ImageTrust trust{name, folder + "/" + name + ".trust", ""};
  const Bytes text = TRY(read_file(trust.path, kMaxTrustBytes));
  const Json document = Json::parse(text, nullptr, false);
  if (document.is_object() && document.contains("repository") && document["repository"].is_string())
    trust.repository = document["repository"].get<std::string>();
  const auto fits = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || c == '-'; };
  if (trust.repository.empty() || !std::all_of(trust.repository.begin(), trust.repository.end(), fits))
    return Error{Code::kBadTrustFile, str("the image's trust file ", name, " is damaged: build the image anew")};
  return trust;
}

std::string selector_of(const Settings& settings) {
  if (!settings.snapshot.empty()) return "snapshot " + settings.snapshot;
  return settings.tag.empty() ? "branch " + settings.branch : "tag " + settings.tag;
}

void add_selector(std::vector<std::string>& words, const Settings& settings, const std::string& snapshot) {
  if (!snapshot.empty())
    words.insert(words.end(), {"--snapshot", snapshot});
  else if (!settings.snapshot.empty())
    words.insert(words.end(), {"--snapshot", settings.snapshot});
  else if (!settings.tag.empty())
    words.insert(words.end(), {"--tag", settings.tag});
  else
    words.insert(words.end(), {"--branch", settings.branch, "--no-follow"});
}

// What the mount says of itself.
Status describe(StartedMachine& machine) {
  std::string text(64 << 10, '\0');
  const ssize_t n = ::getxattr(paths::kTree, "user.granary.stat", text.data(), text.size());
  if (n < 0) return system_error(errno, "the mounted tree does not say what it is");
  const Json in = Json::parse(text.substr(0, static_cast<size_t>(n)), nullptr, false);
  const auto word = [&](const char* name) {
    return in.is_object() && in.contains(name) && in[name].is_string() ? in[name].get<std::string>() : std::string();
  };
  machine.repository = word("repository");
  machine.repository_name = word("name");
  machine.snapshot = word("snapshot");
  machine.tree_digest = word("tree_digest");
  machine.published_at = word("published_at");
  machine.freshness = word("freshness");
  if (machine.snapshot.empty()) return Error{Code::kInternal, "the mounted tree does not say which snapshot it is"};
  return Done{};
}

// The end of what a program said, on one line.
std::string last_words(std::string text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.pop_back();
  if (const size_t line = text.rfind('\n'); line != std::string::npos) text.erase(0, line + 1);
  constexpr std::string_view kPrefix = "granary-mount: ";
  if (text.starts_with(kPrefix)) text.erase(0, kPrefix.size());
  return text;
}

bool is_code(int status) {
  const auto is_one_of = [&](std::initializer_list<int> known) {
    return std::find(known.begin(), known.end(), status) != known.end();
  };
  return is_one_of({3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 20, 21, 22, 23, 24, 30});
}

// What it means to whoever starts a machine; empty: the message says enough.
const char* meaning_of(Code code) {
  switch (code) {
    case Code::kUntrusted:
      return "what the repository holds is not signed by whom this image trusts; nothing of it is run. Build the image "
             "with the repository's trust file (granary micro build --trust)";
    case Code::kWrongRepository:
      return "this is another repository than the image's trust file is for; nothing of it is run. Check "
             "granary.repository, or build the image with the right trust file";
    case Code::kExpired:
      return "the repository's timestamp has expired: its publisher must renew it (granary renew), or the machine's "
             "clock is wrong; granary.archive on the kernel command line takes it all the same";
    case Code::kRollback:
      return "the repository shows an older state than this machine has seen: a mirror lags, or somebody shows the "
             "past";
    case Code::kNotARepository: return "check granary.repository: there is no Granary repository at that URL";
    case Code::kBadTrustFile: return "build the image anew with a good trust file (granary micro build --trust)";
    case Code::kNotFound: return "check granary.branch, granary.tag and granary.snapshot";
    case Code::kNoFuse: return "the kernel has no FUSE: build the image with its modules, or with another kernel";
    default: return "";
  }
}
}  // namespace

Result<ImageTrust> choose_trust(const Settings& settings, const std::string& folder) {
  const std::vector<std::string> names = trust_names(folder);
  if (names.empty())
    return Error{Code::kBadTrustFile, "the image has no trust file: build it with granary micro build --trust FILE"};
  if (settings.trust.empty() && names.size() > 1)
    return Error{Code::kBadTrustFile,
                 str("the image has several trust files: say granary.trust=, one of ", joined(names))};
  const std::string& name = settings.trust.empty() ? names.front() : settings.trust;
  if (std::find(names.begin(), names.end(), name) == names.end())
    return Error{Code::kBadTrustFile, str("the image has no trust file ", name, "; it has ", joined(names))};
  return load_trust(folder, name);
}

std::string asked_for(const Settings& settings, const ImageTrust& trust) {
  return trust.repository + " " + selector_of(settings);
}

std::string lineage_of(const Settings& settings, const ImageTrust& trust) {
  std::string name = trust.repository + "-";
  for (const char c : settings.branch) {
    const bool plain =
        (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
    name += plain ? std::string(1, c) : "%" + to_hex({&c, 1});
  }
  return name.substr(0, 200);
}

std::vector<std::string> mount_words(const Settings& settings, const TreeRequest& request) {
  std::vector<std::string> words{"/bin/granary-mount",
                                 "--config",
                                 "/etc/granary/mount.conf",
                                 "--trust",
                                 inside_lasting_root(request.trust.path),
                                 "--cache",
                                 inside_lasting_root(paths::kCacheFolder),
                                 "--state",
                                 inside_lasting_root(std::string(paths::kStateFolder) + "/versions"),
                                 "--log",
                                 "/log/mount.log",
                                 "--log-rotate",
                                 "256K:2",
                                 "-o",
                                 "allow_other,suid,dev"};
  add_selector(words, settings, request.snapshot);
  if (request.quota_bytes > 0) words.insert(words.end(), {"--quota", std::to_string(request.quota_bytes)});
  if (!settings.profile.empty()) words.insert(words.end(), {"--profile", settings.profile});
  if (!settings.proxy.empty()) words.insert(words.end(), {"--proxy", settings.proxy});
  words.insert(words.end(), {"--clock", request.time_is_trusted ? "trusted" : "untrusted"});
  if (request.time_floor > 0) words.insert(words.end(), {"--time-floor", format_utc(request.time_floor)});
  if (settings.verbose) words.push_back("--verbose");
  if (settings.archive) words.push_back("--archive");
  if (settings.allow_withdrawn) words.push_back("--allow-withdrawn");
  for (size_t i = 1; i < settings.repository.size(); ++i)
    words.insert(words.end(), {"--mirror", settings.repository[i]});
  words.insert(words.end(), {settings.repository.front(), inside_lasting_root(paths::kTree)});
  return words;
}

Status mount_tree(const Settings& settings, const TreeRequest& request, StartedMachine& machine) {
  if (settings.repository.empty())
    return Error{Code::kInvalid, "no repository was named: say granary.repository=URL, or build it into the image"};
  TRY(make_directories(paths::kCacheFolder, 0700));
  TRY(make_directories(str(paths::kStateFolder, "/versions"), 0700));
  // A configuration of our own: that of the image is not the mount program's.
  TRY(replace_file(str(paths::kLasting, "/etc/granary/mount.conf"), "", 0644, Durability::kFast));
  Program program;
  program.words = mount_words(settings, request);
  program.output = program.errors = Program::Stream::kCapture;
  program.timeout = kMountTimeout;
  const ProgramEnd end = TRY(run_in_lasting_root(program));
  if (!end.ok()) return mount_error(end.status, end.errors);
  return describe(machine);
}

void unmount_tree() { (void)unmount(paths::kTree, MNT_DETACH); }

Error mount_error(int status, const std::string& said) {
  constexpr int kWrongCommandLine = 2;  // a mount program of another version than ours
  const Code code = is_code(status)               ? static_cast<Code>(status)
                    : status == kWrongCommandLine ? Code::kUnsupported
                                                  : Code::kInternal;
  std::string message = last_words(said);
  if (message.empty()) message = str("the mount program ended with status ", status);
  const std::string meaning = meaning_of(code);
  return {code, meaning.empty() ? message : message + ". " + meaning};
}

}  // namespace granary
