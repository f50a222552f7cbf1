// The pidfd for whoever asked for one (--pidfd-socket). In process: init, in the pid namespace in which the program will
// run, so that its own pid there names it; the receiver gets a descriptor of this very process, whatever its pids are.

#include "init/context.h"

Status send_pidfd(Context& context, plan::Reader& arguments) {
  u32 receiver = arguments.number();
  Text name = arguments.text();
  if (!arguments.done()) return malformed();
  Fd pidfd;
  TRY(pidfd.take(CALL(pidfd_open, CALL(getpid).value, 0), "process"));
  Status sent = send_frame(context.slot(receiver), name.data, name.size, pidfd.get());
  context.close_slot(receiver);
  return sent.ok() ? sent : failure(sent.error, "sendmsg", "pidfd socket");
}
