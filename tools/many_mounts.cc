#include "tools/many_mounts.h"

#include <algorithm>
#include <thread>

#include "fs/client/control_socket.h"
#include "fs/client/mount_client.h"
#include "tools/mount_place.h"

namespace granary {

Result<std::vector<MountPoint>> chosen_mounts(const std::vector<std::string>& paths) {
  std::vector<MountPoint> chosen;
  for (const std::string& path : paths) chosen.push_back(TRY(find_mount_or_name(path)));
  if (!paths.empty()) return chosen;
  const std::vector<MountPoint> table = TRY(read_mount_table());
  for (const MountPoint& mount : table) {
    const auto is_same_path = [&](const MountPoint& other) { return other.path == mount.path; };
    const auto is_same_mount = [&](const MountPoint& other) { return other.device == mount.device; };
    std::erase_if(chosen, is_same_path);  // hidden below this one
    if (mount.is_granary() && std::none_of(chosen.begin(), chosen.end(), is_same_mount)) chosen.push_back(mount);
  }
  return chosen;
}

std::vector<MountAnswer> ask_mounts(const std::vector<MountPoint>& mounts, const std::string& question,
                                    std::chrono::milliseconds timeout) {
  std::vector<MountAnswer> answers;
  for (const MountPoint& mount : mounts) answers.push_back({mount, Error{Code::kUnavailable, "not asked"}});
  std::vector<std::thread> threads;
  for (MountAnswer& answer : answers) {
    threads.emplace_back([&answer, &question, timeout] {
      auto control = ControlClient::connect(answer.mount);
      answer.answer = control ? control->ask(question, timeout) : Result<std::string>(control.error());
    });
  }
  for (std::thread& thread : threads) thread.join();
  return answers;
}

}  // namespace granary
