#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "builder/tree/account_tables.h"
#include "builder/tree/enclosure.h"
#include "builder/tree/install.h"
#include "builder/tree/script_log.h"
#include "builder/tree/tree_root.h"
#include "fs/base/file.h"

namespace granary {

namespace {
constexpr uint32_t kFirstUser = 1000, kLastUser = 59999;
constexpr uint32_t kFirstSystem = 400, kLastSystem = 599;  // apart from builder/recipe/accounts.h and from scripts
constexpr uint32_t kFirstSubordinate = 100000, kSubordinates = 65536;
constexpr const char* kHook = ".granary-hook";

// Of a path as it is: nothing when there is nothing.
Status change_owner(TreeRoot& tree, const std::string& path, uint32_t uid, uint32_t gid) {
  const auto at = TRY(tree.place(path));
  if (::fchownat(at.directory, at.name.c_str(), uid, gid, AT_SYMLINK_NOFOLLOW) == 0) return Done{};
  return system_error(errno, "cannot change the owner of " + printable(path));
}

Status change_mode(TreeRoot& tree, const std::string& path, mode_t mode) {
  const auto at = TRY(tree.place(path));
  if (::fchmodat(at.directory, at.name.c_str(), mode, 0) == 0) return Done{};
  return system_error(errno, "cannot change the mode of " + printable(path));
}

Status make_directory(TreeRoot& tree, const std::string& path) {
  const auto at = TRY(tree.make_way(path));
  if (::mkdirat(at.directory, at.name.c_str(), 0755) == 0) return Done{};
  if (errno == EEXIST && tree.is_directory(path)) return Done{};
  return system_error(errno, "cannot make the directory " + printable(path));
}

Status make_link(TreeRoot& tree, const std::string& path, const std::string& target) {
  TRY(tree.remove(path));
  const auto at = TRY(tree.make_way(path));
  if (::symlinkat(target.c_str(), at.directory, at.name.c_str()) == 0) return Done{};
  return system_error(errno, "cannot make the link " + printable(path));
}

class OwnLayer {
 public:
  OwnLayer(const Recipe& recipe, const InstallOptions& options, TreeRoot tree, ScriptLog log)
      : recipe_(recipe), options_(options), tree_(std::move(tree)), log_(std::move(log)) {}

  Status run() {
    if (!recipe_.locale.empty()) TRY_WITHIN("cannot set the locale", set_locale());
    if (!recipe_.timezone.empty()) TRY_WITHIN("cannot set the time zone", set_timezone());
    if (!recipe_.hostname.empty()) TRY(set_hostname());
    for (const RecipeFile& file : recipe_.files) TRY_WITHIN("cannot add " + printable(file.path), add(file));
    if (!recipe_.groups.empty() || !recipe_.users.empty()) TRY(add_accounts());
    for (const RecipeFile& file : recipe_.files) TRY_WITHIN("cannot add " + printable(file.path), dress(file));
    for (const RecipeHook& hook : recipe_.hooks) TRY(run_hook(hook));
    return Done{};
  }

 private:
  Result<Enclosure*> enclosure() {
    if (enclosure_) return &*enclosure_;
    EnclosureOptions enclosed;
    enclosed.root = options_.root;
    enclosed.source_date_epoch = options_.source_date_epoch;
    if (!recipe_.hostname.empty()) enclosed.hostname = recipe_.hostname;
    enclosure_.emplace(TRY(Enclosure::begin(enclosed)));
    return &*enclosure_;
  }

  Result<int> run_inside(const std::vector<std::string>& words) {
    EnclosedCommand command;
    command.words = words;
    command.output = log_.descriptor();
    Enclosure* const there = TRY(enclosure());
    const int status = TRY(there->run(command));
    tree_.forget();
    return status;
  }

  // ---- Locale, time zone, host name

  Status set_locale() {
    const std::string& locale = recipe_.locale;
    if (locale != "C" && locale != "POSIX" && locale != "C.UTF-8") TRY(generate_locale());
    const bool has_conf = tree_.has("etc/locale.conf");
    return tree_.write(has_conf ? "etc/locale.conf" : "etc/default/locale", "LANG=" + locale + "\n");
  }

  Status generate_locale() {
    const std::string& locale = recipe_.locale;
    if (!tree_.has("usr/sbin/locale-gen"))
      return Error{Code::kInvalid, str(locale, " needs the package locales: add it to the recipe's packages")};
    const size_t dot = locale.find('.');
    const std::string charset =
        dot == std::string::npos ? "ISO-8859-1" : locale.substr(dot + 1, locale.find('@') - dot - 1);
    const std::string line = locale + " " + charset + "\n";
    const std::string wanted = TRY(tree_.read_if_there("etc/locale.gen"));
    if (("\n" + wanted).find("\n" + line) == std::string::npos) TRY(tree_.write("etc/locale.gen", wanted + line));
    log_.begin("locale-gen");
    if (TRY(run_inside({"locale-gen"})) != 0) return Error{Code::kInvalid, "locale-gen failed:\n" + log_.end_of_last()};
    return Done{};
  }

  Status set_timezone() {
    const std::string zone = "usr/share/zoneinfo/" + recipe_.timezone;
    if (!tree_.has(zone))
      return Error{Code::kInvalid, str("the tree has no /", zone,
                                       ": add the package tzdata (or tzdata-legacy) to the recipe, or mend the name")};
    TRY(make_link(tree_, "etc/localtime", "/" + zone));
    return tree_.write("etc/timezone", recipe_.timezone + "\n");
  }

  Status set_hostname() {
    TRY(tree_.write("etc/hostname", recipe_.hostname + "\n"));
    if (tree_.has("etc/hosts")) return Done{};
    return tree_.write("etc/hosts", str("127.0.0.1\tlocalhost\n127.0.1.1\t", recipe_.hostname,
                                        "\n\n::1\tlocalhost ip6-localhost ip6-loopback\nff02::1\tip6-allnodes\n"
                                        "ff02::2\tip6-allrouters\n"));
  }

  // ---- Files

  Status add(const RecipeFile& file) {
    if (file.directory) return make_directory(tree_, file.path);
    if (!file.target.empty()) return make_link(tree_, file.path, file.target);
    return tree_.write(file.path, file.content.value_or(""), file.mode.value_or(0644));
  }

  Status dress(const RecipeFile& file) {
    if (!file.owner.empty() || !file.group.empty()) {
      const AccountTables tables = TRY(AccountTables::read(tree_));
      uint32_t uid = 0, gid = 0;
      if (!file.owner.empty()) {
        const auto user = tables.user(file.owner);
        if (!user) return Error{Code::kInvalid, str("the tree has no user ", file.owner, ": add it to the recipe")};
        uid = user->uid;
      }
      if (!file.group.empty()) {
        const auto group = tables.gid_of(file.group);
        if (!group) return Error{Code::kInvalid, str("the tree has no group ", file.group, ": add it to the recipe")};
        gid = *group;
      }
      TRY(change_owner(tree_, file.path, uid, gid));
    }
    if (!file.mode || !file.target.empty()) return Done{};  // changing the owner took set-id bits away
    return change_mode(tree_, file.path, *file.mode);
  }

  // ---- Groups and users

  Status add_accounts() {
    AccountTables tables = TRY(AccountTables::read(tree_));
    for (const RecipeGroup& group : recipe_.groups)
      TRY_WITHIN("cannot add the group " + group.name, add_group(tables, group));
    for (const RecipeUser& user : recipe_.users) TRY_WITHIN("cannot add the user " + user.name, add_user(tables, user));
    TRY(tables.write(tree_));
    for (const RecipeUser& user : recipe_.users) {
      TRY_WITHIN("cannot make the home of " + user.name, make_home(*tables.user(user.name), user));
    }
    return Done{};
  }

  static Result<uint32_t> number_for(const AccountTables& tables, std::optional<uint32_t> wanted, bool system) {
    const auto free = wanted   ? wanted
                      : system ? tables.free_number(kFirstSystem, kLastSystem)
                               : tables.free_number(kFirstUser, kLastUser);
    if (!free) return Error{Code::kInvalid, "no number is free"};
    return *free;
  }

  static Status add_group(AccountTables& tables, const RecipeGroup& group) {
    if (const auto there = tables.gid_of(group.name)) {
      if (!group.gid || *group.gid == *there) return Done{};
      return Error{Code::kInvalid, str("it is there with number ", *there, ", not ", *group.gid)};
    }
    const uint32_t gid = TRY(number_for(tables, group.gid, false));
    if (tables.has_gid(gid)) return Error{Code::kInvalid, str("another group has number ", gid)};
    tables.add_group(group.name, gid);
    return Done{};
  }

  Status add_user(AccountTables& tables, const RecipeUser& wanted) {
    AccountTables::User user;
    const auto there = tables.user(wanted.name);
    if (there) {
      user = *there;
      if (wanted.uid && *wanted.uid != there->uid)
        return Error{Code::kInvalid, str("it is there with number ", there->uid, ", not ", *wanted.uid)};
    } else {
      user.name = wanted.name;
      user.uid = TRY(number_for(tables, wanted.uid, wanted.system));
      if (tables.has_uid(user.uid)) return Error{Code::kInvalid, str("another user has number ", user.uid)};
      user.home = "/home/" + wanted.name;
      user.shell = wanted.system ? "/usr/sbin/nologin" : "/bin/bash";
      if (wanted.system) user.home = "/nonexistent";
      user.gid = TRY(primary_group(tables, wanted, user.uid));
    }
    if (!wanted.home.empty()) user.home = wanted.home;
    if (!wanted.shell.empty()) user.shell = wanted.shell;
    if (!wanted.comment.empty()) user.comment = wanted.comment;
    if (!wanted.password_hash.empty()) user.password = wanted.password_hash;
    if (there)
      tables.set_user(user);
    else
      tables.add_user(user);
    for (const std::string& group : wanted.groups) {
      if (!tables.has_group(group))
        return Error{Code::kInvalid, str("the tree has no group ", group, ": add it to the recipe")};
      tables.add_member(group, wanted.name);
    }
    if (!there && !wanted.system) TRY(give_subordinates(wanted.name));
    return Done{};
  }

  static Result<uint32_t> primary_group(AccountTables& tables, const RecipeUser& wanted, uint32_t uid) {
    if (!wanted.group.empty()) {
      const auto gid = tables.gid_of(wanted.group);
      if (!gid) return Error{Code::kInvalid, str("the tree has no group ", wanted.group, ": add it to the recipe")};
      return *gid;
    }
    if (const auto own = tables.gid_of(wanted.name)) return *own;
    uint32_t gid = wanted.gid.value_or(uid);
    if (tables.has_gid(gid) && !wanted.gid) gid = TRY(number_for(tables, {}, wanted.system));
    if (!tables.has_gid(gid)) tables.add_group(wanted.name, gid);
    return gid;
  }

  // As useradd does: a run of numbers for the user's own containers.
  Status give_subordinates(const std::string& name) {
    for (const char* const path : {"etc/subuid", "etc/subgid"}) {
      if (!tree_.has(path)) continue;
      const Bytes there = TRY(tree_.read(path));
      const auto lines = static_cast<uint32_t>(std::count(there.begin(), there.end(), '\n'));
      const uint32_t first = kFirstSubordinate + lines * kSubordinates;
      TRY(tree_.write(path, str(there, name, ":", first, ":", kSubordinates, "\n")));
    }
    return Done{};
  }

  Status make_home(const AccountTables::User& user, const RecipeUser& wanted) {
    if (wanted.system && wanted.ssh_keys.empty()) return Done{};
    const auto there = TRY(tree_.look(user.home));
    const bool is_ours_to_make = !there || (there->st_uid == 0 && user.uid != 0 && user.home.starts_with("/home/"));
    if (user.home != "/nonexistent" && is_ours_to_make) {
      TRY(make_directory(tree_, user.home));
      TRY(change_mode(tree_, user.home, 0700));
      TRY(change_owner(tree_, user.home, user.uid, user.gid));
      for (const char* const name : {".bash_logout", ".bashrc", ".profile"}) {
        const std::string from = str("etc/skel/", name);
        if (!tree_.has(from) || tree_.has(str(user.home, "/", name))) continue;
        TRY(tree_.write(str(user.home, "/", name), TRY(tree_.read(from)), 0644, user.uid, user.gid));
      }
    }
    if (wanted.ssh_keys.empty()) return Done{};
    std::string keys;
    for (const std::string& key : wanted.ssh_keys) keys += key + "\n";
    TRY(make_directory(tree_, user.home + "/.ssh"));
    TRY(change_mode(tree_, user.home + "/.ssh", 0700));
    TRY(change_owner(tree_, user.home + "/.ssh", user.uid, user.gid));
    return tree_.write(user.home + "/.ssh/authorized_keys", keys, 0600, user.uid, user.gid);
  }

  // ---- Hooks

  Status run_hook(const RecipeHook& hook) {
    options_.on_progress({"running", hook.name, 0, recipe_.hooks.size()});
    const bool has_interpreter = hook.script.starts_with("#!");
    TRY(tree_.write(kHook, has_interpreter ? hook.script : "#!/bin/sh\nset -e\n" + hook.script, 0700));
    log_.begin("hook " + hook.name);
    const int status = TRY(run_inside({str("/", kHook)}));
    TRY(tree_.remove(kHook));
    if (status == 0) return Done{};
    return Error{Code::kInvalid,
                 str("the hook ", hook.name, " failed with status ", status, ":\n", log_.end_of_last())};
  }

  const Recipe& recipe_;
  const InstallOptions& options_;
  TreeRoot tree_;
  ScriptLog log_;
  std::optional<Enclosure> enclosure_;
};
}  // namespace

Status apply_recipe(const Recipe& recipe, const InstallOptions& options) {
  TreeRoot tree = TRY(TreeRoot::open(options.root, TreeRoot::Links::kFollow));
  ScriptLog log = TRY(ScriptLog::open(options.log));
  return OwnLayer(recipe, options, std::move(tree), std::move(log)).run();
}

}  // namespace granary
