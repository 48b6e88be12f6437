// Worker: answers the kernel for one mount, from the log it opens first to the last request. Everything it has is made
// in the order of its members, each from those before it, and goes in the reverse order.
#pragma once

#include <memory>
#include <optional>

#include "fs/client/connection.h"
#include "fs/client/control_socket.h"
#include "fs/client/follower.h"
#include "fs/client/mount_control.h"
#include "fs/client/mount_jobs.h"
#include "fs/client/repository_view.h"
#include "fs/client/served_snapshots.h"
#include "fs/client/watchdog.h"
#include "fs/client/worker_brief.h"
#include "fs/fuse/filesystem.h"
#include "fs/fuse/fuse_kernel_caches.h"
#include "fs/fuse/kept_memory.h"
#include "fs/fuse/kernel_read_ahead.h"
#include "fs/fuse/log_target.h"
#include "fs/fuse/mount_plan.h"
#include "fs/fuse/mount_session.h"
#include "fs/fuse/request_table.h"
#include "fs/fuse/worker_channel.h"

namespace granary {

class Worker {
 public:
  struct Start {
    MountPlan plan;
    WorkerBrief brief;
    KeptMemory kept;  // what a worker before this one left, and where this one leaves what the next will need
    std::unique_ptr<RequestTable> requests;
  };
  // What the supervisor tells a worker first.
  static Result<Start> receive_start(const WorkerChannel& channel);
  Worker(Start start, WorkerChannel channel, std::string version);

  // Returns when the mount has ended; or, before it answered, with what was wrong.
  Status serve();

 private:
  // The steps of `serve`, in their order.
  Status open_log();
  Status give_up_privileges();
  Status connect();
  Status choose_snapshot();
  bool take_over();  // what a worker before this one served; false: there was none
  Status open_snapshot();
  Status make_jobs();
  Status wait_for_the_device();
  Status catch_up();
  Status answer_the_kernel();
  void follow();
  void answer_questions();
  void say_ready();
  void watch_what_waits();
  void wait_for_the_end();
  void hear_supervisor();
  void go_on_alone();
  void ask_to_leave(int signals);
  void end();

  void look_ahead();  // adapts what is asked for before anybody wants it to what is under way
  std::unique_ptr<ProfileReplay> start_replay() const;  // nothing when no profile was asked for

  const MountPlan plan_;
  KeptMemory kept_;
  const std::unique_ptr<RequestTable> requests_;
  WorkerChannel channel_;
  WorkerStatus self_;
  std::optional<LogTarget> log_;
  std::unique_ptr<Connection> connection_;
  std::unique_ptr<RepositoryView> view_;
  std::optional<ResolvedSnapshot> resolved_;  // what was mounted first
  std::vector<ResolvedSnapshot> former_;      // these three: from the worker before this one
  std::optional<SnapshotId> forgetting_;
  std::optional<Bytes> seen_;  // of what is kept
  SnapshotSelector selector_;
  std::unique_ptr<ProfileReplay> replay_;
  std::optional<ServedSnapshots> snapshots_;
  KernelReadAhead::Cache found_in_ = KernelReadAhead::Cache::kWarm;
  std::optional<BackgroundFill> fill_;
  std::optional<MountJobs> jobs_;
  std::optional<MountStatus> status_;
  OperationMetrics operation_metrics_;
  OperationTrace trace_;
  std::optional<RequestWatch> watch_;
  std::optional<Filesystem> filesystem_;
  UniqueFd device_, questions_fd_, read_ahead_setting_;  // from the supervisor, until they are used
  std::unique_ptr<MountSession> session_;
  std::optional<KernelReadAhead> kernel_read_ahead_;
  std::optional<FuseKernelCaches> kernel_caches_;
  std::optional<Follower> follower_;
  std::optional<Watchdog> watchdog_;
  MountControl questions_;
  std::unique_ptr<ControlSocket> control_;
};

// A worker's whole life; `channel` is a descriptor to the supervisor, `version` that of this program. Returns the exit
// status; an error has been printed in one line.
int run_worker(int channel, const char* version);

}  // namespace granary
