// Our Response handed to the library, and the answers the server gives by itself. Used by
// server.cpp only.
#pragma once

#include <cstdint>
#include <string_view>

#include <microhttpd.h>

#include "agent/http/server.h"

namespace holdfast::http {

// Queues the answer to a request; MHD_NO when the connection is beyond that. I/O thread, where the
// library allows it.
[[nodiscard]] MHD_Result send_reply(MHD_Connection* connection, const Response& response);

// The following have the form that `options` asks for.
// 413: the body is larger than max_body_bytes.
[[nodiscard]] Response too_large(const ServerOptions& options);
// 403: the client may not talk to us. `why` is plain text without quotes.
[[nodiscard]] Response forbidden(const ServerOptions& options, std::string_view why);
// 503: the budget for waiting bodies is used up.
[[nodiscard]] Response overloaded(const ServerOptions& options);
// 503: the server goes away with this request unanswered.
[[nodiscard]] Response closing(const ServerOptions& options);

}  // namespace holdfast::http
