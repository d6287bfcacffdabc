// TLS on a connection that was accepted.
#pragma once

#include <memory>

#include "agent/base/result.h"
#include "agent/tls/server_context.h"
#include "inputs/sockets/channel.h"

namespace holdfast::sockets {

// The descriptor is the caller's and outlives the channel, as does the context. The handshake is
// done by the first reads. A sender that closes without the farewell of TLS has failed: somebody
// else may have cut the connection.
[[nodiscard]] base::Result<std::unique_ptr<Channel>> make_tls_channel(
    int descriptor, const tls::ServerContext& context);

}  // namespace holdfast::sockets
