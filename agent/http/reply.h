// Our Response handed to the library, and the answers the server gives by itself. Used by
// server.cpp only.
#pragma once

#include <cstdint>

#include <microhttpd.h>

#include "agent/http/server.h"

namespace holdfast::http {

// Queues the answer to a request; MHD_NO when the connection is beyond that. I/O thread, where the
// library allows it.
[[nodiscard]] MHD_Result send_reply(MHD_Connection* connection, const Response& response);

// 413: the body is larger than `limit` bytes.
[[nodiscard]] Response too_large(std::uint64_t limit);
// 503: the budget for waiting bodies is used up.
// `why` is plain text without quotes.
[[nodiscard]] Response forbidden(std::string_view why);
[[nodiscard]] Response overloaded();
// 503: the server goes away with this request unanswered.
[[nodiscard]] Response closing();

}  // namespace holdfast::http
