// Answers of listeners that are not 2xx, in the forms that clients of InfluxDB 1 and 2 look for.
#pragma once

#include <string>
#include <string_view>

#include "agent/http/server.h"
#include "inputs/write_queue.h"

namespace holdfast::inputs {

// For a JSON string and a header alike: control characters become blanks, and since an excerpt may
// end within a character, bytes beyond ASCII become question marks.
[[nodiscard]] std::string plain_text(std::string_view text);

// One of the following two. A 503 has `Retry-After: 1`.
using ErrorAnswer = http::Response (*)(int status, std::string_view message);

// `{"error": ...}`, and the message as X-Influxdb-Error.
[[nodiscard]] http::Response influxdb_v1_error(int status, std::string_view message);
// `{"code": ..., "message": ...}`, and the code as X-Platform-Error-Code.
[[nodiscard]] http::Response influxdb_v2_error(int status, std::string_view message);

// 405 with the methods that are allowed: "GET, HEAD".
[[nodiscard]] http::Response method_answer(ErrorAnswer error, std::string_view allowed);
// 401 with what the client should have sent, for WWW-Authenticate.
[[nodiscard]] http::Response unauthorized_answer(ErrorAnswer error, std::string_view challenge);

// What is wrong with a body, for the client and for the log; empty if nothing is.
[[nodiscard]] std::string problem_of(const WriteResult& result);
// 204 if all of the body is stored. 400 if it cannot be read or has bad lines (the good ones are
// stored), 413 if it is too large, 503 if the buffer does not take it.
[[nodiscard]] http::Response write_answer(const WriteResult& result, ErrorAnswer error);

}  // namespace holdfast::inputs
