// From the query and the headers of a write to what the queue needs to know of it.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "agent/http/server.h"
#include "inputs/write_queue.h"

namespace holdfast::inputs {

// How one kind of listener reads them.
struct WriteParameters {
  // Query parameter → tag that gets its value; without a tag the parameter is ignored.
  std::vector<std::pair<std::string, std::string>> tags;
  // Values of `precision`, the empty one included; nothing for what is none.
  std::optional<line::Precision> (*precision)(std::string_view text) = &line::parse_precision;
  std::string_view precisions = "n, ns, u, us, ms, s, m, h";  // for the message
};

// Takes the body; `done` is the caller's to set. kInvalid says what is wrong.
[[nodiscard]] base::Result<WriteRequest> read_write_request(const WriteParameters& parameters,
                                                            http::Request& request);

}  // namespace holdfast::inputs
