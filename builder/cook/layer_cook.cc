#include "builder/cook/layer_cook.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "builder/cook/apart.h"
#include "builder/cook/workplace.h"
#include "fs/base/crash_point.h"
#include "server/cook_branches.h"
#include "server/overlay_mount.h"

namespace granary {

namespace {
constexpr size_t kMaxNoteBytes = size_t{64} << 20;
constexpr size_t kShownOutputBytes = 4096;
constexpr uint64_t kFullBytes = 4 << 20;  // a disk with less left counts as full

Bytes encode(const InstallProgress& progress) {
  ByteWriter writer;
  writer.string(progress.step).string(progress.package).u64(progress.done).u64(progress.total);
  return writer.take();
}

void decode(ByteView text, const std::function<void(const InstallProgress&)>& on_progress) {
  ByteReader reader(text);
  const std::string step(reader.string());
  InstallProgress progress;
  progress.step = step.c_str();
  progress.package = reader.string();
  progress.done = reader.u64();
  progress.total = reader.u64();
  if (reader.ok()) on_progress(progress);
}

// ---- within the namespaces of one piece of work

// The layers below and an overlay over them: at `place.tree()`.
Status mount_tree(const Repository& repository, const Workplace& place, const LayersBelow& below,
                  const std::string& mount_program) {
  OverlayPlace overlay{place.directory(), place.tree()};
  overlay.lowers.clear();
  // Workplaces lie side by side.
  for (auto at = below.fresh.rbegin(); at != below.fresh.rend(); ++at)
    overlay.lowers.push_back("../" + std::filesystem::path(at->directory()).filename().string() + "/upper");
  if (below.ground) {
    TRY(mount_snapshot(repository, below.ground->snapshot, place.directory() + "/lower", mount_program));
    overlay.lowers.emplace_back("lower");
  }
  return mount_overlay(overlay);
}

Status unmount_tree(const Workplace& place) {
  TRY_WITHIN("something that a script started still works in the tree", unmount(place.tree()));
  return unmount(place.directory() + "/lower");
}

Status install(const Lock& lock, const Layer& layer, const std::vector<std::string>& debs, const InstallOptions& how) {
  if (layer.is_own) return apply_recipe(lock.recipe, how);
  return install_packages(lock, layer.packages, debs, how);
}

Status make_tree(const Repository& repository, const Lock& lock, const Layer& layer,
                 const std::vector<std::string>& debs, const LayersBelow& below, const Workplace& place,
                 const LayerCookOptions& options, const Tell& tell) {
  if (below.top) TRY(mount_tree(repository, place, below, options.mount_program));
  InstallOptions how;
  how.root = below.top ? place.tree() : place.upper();
  how.layers = options.cache + "/packages";
  how.log = place.log();
  how.mode = options.mode;
  how.source_date_epoch = lock.source_date_epoch;
  how.on_progress = [&](const InstallProgress& progress) { tell(encode(progress)); };
  TRY(install(lock, layer, debs, how));
  crash_point("cook-installed");
  if (below.top) TRY(unmount_tree(place));
  return finish_tree(place.upper(), lock.source_date_epoch);
}

// ---- around it

bool is_full(const std::string& directory) {
  struct statvfs info {};
  return ::statvfs(directory.c_str(), &info) == 0 && info.f_bavail * info.f_frsize < kFullBytes;
}

// What the caller is told, and what becomes of the tree.
Error explain_failure(const Error& error, const Repository& repository, const Layer& layer,
                      const std::optional<Statement>& lower, Workplace& place) {
  const std::string what = "layer " + layer.inputs.name;
  if (error.code == Code::kNoSpace || is_full(place.directory()))
    return Error{Code::kNoSpace, str(what, ": ", error.message, "; the file system of ", printable(place.directory()),
                                     " is full: make room there, or name another place with --cache")};
  if (error.code != Code::kInvalid) return error.within(what);
  KeptFailure failure;
  failure.repository = std::filesystem::absolute(repository.directory()).string();
  failure.layer = layer.inputs.name;
  if (lower) failure.lower = lower->snapshot;
  failure.message = error.message;
  if (!place.keep(failure)) return error.within(what);
  return Error{error.code,
               str(what, ": ", error.message, "\nthe tree is kept as it was left: `granary cook --shell` enters it")};
}

std::string message_for(const Lock& lock, const Layer& layer) {
  if (layer.is_own) return str("the own part of recipe ", lock.recipe.name);
  return str("layer ", layer.inputs.name, ": ", layer.packages.size(), " packages");
}

Status publish_layer(Repository& repository, const Lock& lock, const Layer& layer,
                     const std::optional<Statement>& lower, const Workplace& place) {
  PublishOptions options;
  options.source = place.upper();
  options.branch = cook_layer_branch(layer.key);
  options.message = message_for(lock, layer);
  options.checksum = true;  // nothing there was seen before
  options.repack = false;
  options.start = lower;
  auto published =
      lower ? publish_overlay(repository, options, place.upper(), *lower) : publish(repository, options, OnProgress());
  if (published) return Done{};
  return published.error();
}

Bytes end_of(const std::string& path) {
  const auto text = read_file(path, size_t{64} << 20);
  if (!text) return {};
  return text->size() <= kShownOutputBytes ? *text : "..." + text->substr(text->size() - kShownOutputBytes);
}

Status send_output_to(const std::string& path) {
  const UniqueFd log = TRY(open_file(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  const UniqueFd nothing = TRY(open_file("/dev/null", O_RDONLY | O_CLOEXEC));
  if (::dup2(nothing.get(), 0) < 0 || ::dup2(log.get(), 1) < 0 || ::dup2(log.get(), 2) < 0)
    return system_error(errno, "cannot redirect output");
  return Done{};
}

Status run_one_test(Repository& repository, const RecipeTest& test, const Statement& tree,
                    const LayerCookOptions& options) {
  const Workplace place = TRY(Workplace::make(options.cache));
  const auto catalog = TRY(Catalog::open(tree.catalog, repository.objects()));
  TRY(lay_overlay(place.directory(), *catalog));
  int exit_status = -1;
  const auto work = [&](const Tell& tell) -> Status {
    TRY(mount_tree(repository, place, {tree, tree, {}}, options.mount_program));
    TRY(send_output_to(place.log()));
    tell(str(TRY(run_in_tree(place.tree(), {"/bin/sh", "-c", test.command}))));
    return Done{};
  };
  ApartOptions how;
  how.timeout = std::chrono::seconds(test.timeout_seconds);
  const Status ran = run_apart(
      work, [&](ByteView text) { exit_status = std::atoi(std::string(text).c_str()); }, how);
  if (ran && exit_status == 0) return Done{};
  if (!ran && ran.error().code != Code::kUnavailable) return ran;
  const std::string why = ran ? str("ended with status ", exit_status) : ran.error().message;
  return Error{Code::kInvalid, str("test ", printable(test.name), " ", why, "; nothing was published. It said:\n",
                                   end_of(place.log()))};
}
}  // namespace

std::vector<Layer> cook_layers_of(const Lock& lock, InstallMode mode) {
  std::vector<Layer> layers;
  uint32_t number = 0;
  for (LayerInputs& inputs : layers_of(lock, mode)) {
    Layer layer;
    layer.key = inputs.key();
    layer.inputs = std::move(inputs);
    layer.is_own = number == lock.layers.size();
    if (!layer.is_own) layer.packages = packages_of_layer(lock, number);
    layers.push_back(std::move(layer));
    ++number;
  }
  return layers;
}

std::optional<Statement> find_layer(const RepositoryState& state, const LayerKey& key) {
  auto found = state.branch(cook_layer_branch(key));
  return found ? std::optional(*std::move(found)) : std::nullopt;
}

void note_layer_use(const Repository& repository, const Layer& layer) {
  const std::string path = cook_layer_note(repository, layer.key);
  if (::utimensat(AT_FDCWD, path.c_str(), nullptr, 0) == 0 || errno != ENOENT) return;
  if (!make_directories(repository.private_path("cook/layers"), 0700)) return;
  static_cast<void>(replace_file(path, layer.inputs.text(), 0600, Durability::kFast));
}

std::vector<LayerInputs> known_layers(const Repository& repository) {
  std::vector<std::pair<timespec, std::string>> files;
  std::error_code failure;
  for (std::filesystem::directory_iterator at(repository.private_path("cook/layers"), failure), end;
       !failure && at != end; at.increment(failure)) {
    struct stat info {};
    if (::stat(at->path().c_str(), &info) == 0) files.emplace_back(info.st_mtim, at->path().string());
  }
  std::sort(files.begin(), files.end(), [](const auto& a, const auto& b) {
    return std::tuple(b.first.tv_sec, b.first.tv_nsec, a.second) <
           std::tuple(a.first.tv_sec, a.first.tv_nsec, b.second);
  });
  std::vector<LayerInputs> known;
  for (const auto& [time, path] : files) {
    const auto text = read_file(path, kMaxNoteBytes);
    auto inputs = text ? LayerInputs::parse(*text) : text.error();
    if (inputs) known.push_back(*std::move(inputs));
  }
  return known;
}

Status cook_layer(Repository& repository, const Lock& lock, const Layer& layer, const std::vector<std::string>& debs,
                  LayersBelow& below, const LayerCookOptions& options) {
  TRY(make_directories(repository.private_path("cook/locks"), 0700));
  const FileLock alone = TRY(FileLock::wait(repository.private_path("cook/locks/" + layer.key.hex())));
  if (auto made = find_layer(TRY(repository.read()), layer.key)) {  // by another cook meanwhile
    below.fresh.clear();
    below.top = below.ground = std::move(made);
    return Done{};
  }

  Workplace place = TRY(Workplace::make(options.cache));
  if (below.top) {
    const auto catalog = TRY(Catalog::open(below.top->catalog, repository.objects()));
    TRY(lay_overlay(place.directory(), *catalog));
  }
  const Status made =
      run_apart([&](const Tell& tell) { return make_tree(repository, lock, layer, debs, below, place, options, tell); },
                [&](ByteView text) { decode(text, options.on_progress); });
  if (!made) return explain_failure(made.error(), repository, layer, below.top, place);
  crash_point("cook-made");
  TRY_WITHIN("cannot publish layer " + layer.inputs.name, publish_layer(repository, lock, layer, below.top, place));
  crash_point("cook-layer-published");
  note_layer_use(repository, layer);
  const RepositoryState state = TRY(repository.read());
  below.top = TRY(state.branch(cook_layer_branch(layer.key)));
  below.fresh.push_back(std::move(place));
  return Done{};
}

Status run_recipe_tests(Repository& repository, const Recipe& recipe, const Statement& tree,
                        const LayerCookOptions& options, const std::function<void(const std::string&)>& on_test) {
  for (const RecipeTest& test : recipe.tests) {
    on_test(test.name);
    TRY(run_one_test(repository, test, tree, options));
  }
  return Done{};
}

Result<int> enter_failure(const std::string& cache, const std::string& mount_program,
                          const std::vector<std::string>& command) {
  const KeptFailure failure = TRY(Workplace::last_failure(cache));
  const DirectoryLock alone = TRY_WITHIN("somebody is in it already", DirectoryLock::try_lock(failure.directory));
  const auto repository = TRY(Repository::open(failure.repository));
  int exit_status = 0;
  const auto work = [&](const Tell& tell) -> Status {
    if (failure.lower) {
      // The overlay was mounted as one whose content a crash of the machine may spoil; it was a failure of ours only.
      TRY(remove_tree(str(failure.directory, "/work", "/work", "/incompat")));
      TRY(mount_snapshot(*repository, *failure.lower, failure.directory + "/lower", mount_program));
      OverlayPlace overlay{failure.directory, failure.directory + "/tree"};
      overlay.keeps_links = false;  // the layers below may have lain elsewhere
      TRY(mount_overlay(overlay));
    }
    const std::string root = failure.directory + (failure.lower ? "/tree" : "/upper");
    tell(str(TRY(run_in_tree(root, command))));
    return Done{};
  };
  ApartOptions how;
  how.is_interactive = true;
  TRY(run_apart(
      work, [&](ByteView text) { exit_status = std::atoi(std::string(text).c_str()); }, how));
  return exit_status;
}

}  // namespace granary
