// Messages to systemd, as sd_notify(3) has them: one datagram to $NOTIFY_SOCKET. Written here
// because libsystemd would cost more memory than the rest of the start.
#pragma once

#include <string_view>

namespace holdfast::agent {

// "READY=1", "STOPPING=1", "STATUS=...". Does nothing when not started by systemd.
void notify_systemd(std::string_view message);

}  // namespace holdfast::agent
