// See staged.h. Runs on worker threads of the Node process. The end of the text is written twice, the second time with the
// process in it: a file that takes the place of another costs much more on most file systems.

#include "host/staged.h"

#include "sys/kernel.h"

namespace host {
namespace {

constexpr u64 kPage = 4096, kLongestTail = 1024;
// What stands for the process in the text; JSON has no such bytes.
constexpr char kPid = 1, kStartTime = 2;

}  // namespace

Status StagedState::write(plan::Reader& arguments) {
  Text path = arguments.text(), head = arguments.text(), tail_text = arguments.text();
  if (!arguments.done()) return failure(EPROTO, "read", "plan");
  path_ = path.data;
  tail_ = tail_text.data;
  TRY(file_.take(CALL(openat, AT_FDCWD, path.data, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600), path));
  std::string text(head.data, head.size);
  // Whoever is killed in the middle of a write has written whole pages: the end must lie in one.
  if (text.size() / kPage != (text.size() + kLongestTail) / kPage) text.resize((text.size() / kPage + 1) * kPage, ' ');
  head_ = text.size();
  return write_at(text + tail(0, "0"), 0);
}

Status StagedState::name_process(i32 pid, const std::string& start_time) {
  return file_.valid() ? write_at(tail(pid, start_time), head_) : Status{};
}

std::string StagedState::tail(i32 pid, const std::string& start_time) const {
  std::string text;
  for (char one : tail_) {
    if (one == kPid) text += std::to_string(pid);
    else if (one == kStartTime) text += start_time;
    else text += one;
  }
  return text;
}

Status StagedState::write_at(const std::string& text, u64 offset) {
  for (size_t done = 0; done < text.size();) {
    sys::Call written = CALL(pwrite64, file_.get(), text.data() + done, text.size() - done, offset + done);
    if (written.error() == EINTR) continue;
    TRY(written, path_.c_str());
    done += static_cast<size_t>(written.value);
  }
  return {};
}

}  // namespace host
