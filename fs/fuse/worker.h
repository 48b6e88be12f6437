// Worker: answers the kernel for one mount, from the log it opens first to the last request. Everything it has is made
// in the order of its members, each from those before it, and goes in the reverse order.
#pragma once

#include <memory>
#include <optional>

#include "fs/client/connection.h"
#include "fs/client/control_socket.h"
#include "fs/client/mount_control.h"
#include "fs/client/mount_jobs.h"
#include "fs/client/repository_view.h"
#include "fs/fuse/filesystem.h"
#include "fs/fuse/kept_memory.h"
#include "fs/fuse/kernel_read_ahead.h"
#include "fs/fuse/log_target.h"
#include "fs/fuse/mount_plan.h"
#include "fs/fuse/mount_session.h"
#include "fs/fuse/startup.h"

namespace granary {

class Worker {
 public:
  // `kept`: what a worker before this one left, and where this one leaves what the next will need.
  Worker(MountPlan plan, KeptMemory kept) : plan_(std::move(plan)), kept_(std::move(kept)) {}

  // Returns when the mount has ended; or, before it answered, with what was wrong.
  Status serve(Startup& startup);

 private:
  // The steps of `serve`, in their order.
  Status open_log();
  Status connect();
  Status choose_snapshot();
  Status open_snapshot();
  Status make_jobs();
  Status answer_the_kernel();
  void answer_questions();
  void say_ready(Startup& startup);
  void wait_for_the_end();

  void look_ahead();  // adapts what is asked for before anybody wants it to what is under way
  std::unique_ptr<ProfileReplay> start_replay() const;  // nothing when no profile was asked for

  const MountPlan plan_;
  KeptMemory kept_;
  std::optional<LogTarget> log_;
  std::unique_ptr<Connection> connection_;
  std::unique_ptr<RepositoryView> view_;
  std::optional<ResolvedSnapshot> resolved_;
  std::unique_ptr<ProfileReplay> replay_;
  std::unique_ptr<MountedSnapshot> snapshot_;
  KernelReadAhead::Cache found_in_ = KernelReadAhead::Cache::kWarm;
  std::optional<BackgroundFill> fill_;
  std::optional<MountJobs> jobs_;
  std::optional<MountStatus> status_;
  std::optional<Filesystem> filesystem_;
  std::unique_ptr<MountSession> session_;
  std::optional<KernelReadAhead> kernel_read_ahead_;
  MountControl questions_;
  std::unique_ptr<ControlSocket> control_;
};

}  // namespace granary
