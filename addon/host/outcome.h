// How the steps of a plan that the host executes went.
#pragma once

#include <string>

#include "plan/reader.h"
#include "plan/writer.h"

namespace host {

// What went wrong, with all it needs to be told: the operand of a status may not outlive its operation.
struct Outcome {
  bool ok = true;
  std::string failure;  // as in plan::FrameType::failed

  void fail(const plan::Item& item, const Status& status, Text detail = {}) {
    plan::FrameWriter frame(plan::FrameType::failed);
    frame.failure(item.index, item.operation, item.field, status, detail);
    const char* data = reinterpret_cast<const char*>(frame.data());
    failure.assign(data + sizeof(plan::Frame), frame.size() - sizeof(plan::Frame));
    ok = false;
  }
};

}  // namespace host
