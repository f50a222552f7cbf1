// One thread that watches all processes and all channels to init.
#pragma once

#include <pthread.h>

#include <atomic>
#include <mutex>
#include <optional>
#include <unordered_map>
#include <vector>

#include "host/events.h"
#include "sys/fd.h"

namespace host {

class Reactor {
 public:
  explicit Reactor(Post post);
  // False when there was no thread to be had: nothing can be watched.
  [[nodiscard]] bool running() const { return running_; }
  ~Reactor();

  // Any thread. Either descriptor may be invalid. Events go out under `id` until the process has exited and the
  // channel has closed, or until `forget`. `first` is posted before any of them, and before it nothing can be sent; where it is
  // quiet, `created` is, too.
  // COUNTS: a file that is read when the process has exited, or empty; its beginning comes with that.
  Status watch(u32 id, Fd channel, Fd pidfd, const Event* first = nullptr, std::string counts = {});
  // Open the reading end of a FIFO and watch it. Whoever waits for a reader goes on at the open, and may have ended
  // before it returns: its end is not handled before the channel is known.
  Status open_channel(u32 id, const std::string& path);
  // Tell `id` whenever NOTIFICATION has one of EVENTS (EPOLL*), and a last time when what it is about is gone. TRAPS: it is
  // the listener of a filter of system calls, and each call is told.
  Status watch_notification(u32 id, Fd notification, u32 events, bool traps = false);
  // See trapped.h; ENOENT when nobody listens under `id` any more.
  int answer_call(u32 id, u64 call, i64 value, int error, u32 flags);
  // A copy of what is watched under `id`; invalid when nothing is.
  Fd notification(u32 id);
  // One byte: the word that init waits for. EPIPE when init is gone.
  int send(u32 id);
  // Another plan, for an init that waits for one. Blocks while the socket is full. EPIPE when init is gone.
  Status send_plan(u32 id, i32 pid, const std::string& plan, const std::vector<Fd>& descriptors);
  // pidfd_send_signal; ESRCH when the process is gone.
  int signal(u32 id, int signal);
  void forget(u32 id);
  // Off: processes that end from now on stay zombies, for whoever inherits them when this process is gone.
  void set_reaping(bool on) { reaping_ = on; }

 private:
  struct Watch {
    Fd channel, pidfd, former;  // former: the process that forked the one watched now
    Fd notification;
    bool traps = false;  // the notification is a listener of seccomp
    std::string input;
    Fd passed;  // received with a frame
    std::string counts;
    std::optional<Event> exited;  // told when the former has ended, too
    bool reaps = false;  // spawned here; others only look at how the process ended
    bool goes = false;   // it waits for nobody before it executes the program
  };
  void loop();
  void read_channel(u32 id, Watch& watch);
  void give_up(u32 id, const Watch& watch, const Status& status);
  void forked(u32 id, Watch& watch, const std::string& payload, Fd passed);
  void frame(u32 id, Watch& watch, u32 type, std::string payload);
  void process_ended(u32 id, Watch& watch);
  void former_ended(Watch& watch);
  void notified(u32 id, Watch& watch, u32 events);
  Status add(int fd, u64 key);
  Status add_channel(u32 id, Fd channel);

  Post post_;
  Fd epoll_, wake_;
  std::mutex guard_;
  std::unordered_map<u32, Watch> watches_;
  pthread_t thread_{};
  bool running_ = false;
  bool ending_ = false;
  std::atomic<bool> reaping_{true};
};

// Nanoseconds of CLOCK_MONOTONIC, the clock of process.hrtime().
u64 monotonic_time();

}  // namespace host
