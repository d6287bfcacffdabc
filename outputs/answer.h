// What each answer to a write means: one pure function, the table of README.md.
#pragma once

#include <cstdint>
#include <string>

#include "agent/base/clock.h"
#include "outputs/http_client.h"
#include "outputs/output.h"

namespace holdfast::outputs {

struct AnswerContext {
  std::uint64_t points = 0;  // of the batch that was sent
  base::WallTime now{};      // for a Retry-After date in an answer without a Date of its own
};

// Pure: depends on its arguments only.
[[nodiscard]] Decision decide(const HttpResult& answer, const AnswerContext& context);

// The server's own words: {"error"} or {"message"} of a JSON body, X-Influxdb-Error, or the first
// text of any other body; one line, at most 512 bytes. Empty if it said nothing.
[[nodiscard]] std::string server_message(const HttpResult& answer);

}  // namespace holdfast::outputs
