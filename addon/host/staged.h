// The state of a container that is being made, as it stands on disk before anything is there that has to be removed.
#pragma once

#include <string>

#include "plan/reader.h"
#include "sys/fd.h"

namespace host {

class StagedState {
 public:
  // stageState: a new file, which names no process yet.
  Status write(plan::Reader& arguments);
  // In the file just written: whoever finds it knows from now on what to end. Without one there is nothing to do.
  Status name_process(i32 pid, const std::string& start_time);

 private:
  [[nodiscard]] std::string tail(i32 pid, const std::string& start_time) const;
  Status write_at(const std::string& text, u64 offset);

  Fd file_;
  std::string path_, tail_;
  u64 head_ = 0;
};

}  // namespace host
