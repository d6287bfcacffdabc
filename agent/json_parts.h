// What the status document and the buffer commands write alike.
#pragma once

#include <cstdint>
#include <string>

#include <nlohmann/json.hpp>

#include "buffer/ring.h"

namespace holdfast::agent {

using Json = nlohmann::ordered_json;

[[nodiscard]] Json null_if_empty(const std::string& text);
// A time in ns since the Unix epoch as "2026-01-31T12:00:00Z".
[[nodiscard]] std::string utc(std::int64_t ns);
[[nodiscard]] Json ledger_json(const buffer::Ledger& ledger);
[[nodiscard]] Json reader_json(const buffer::ReaderInfo& reader);

// A document, indented, with LF. Texts of servers and devices may hold any bytes.
[[nodiscard]] std::string json_text(const Json& json);
// The same on one line.
[[nodiscard]] std::string json_line(const Json& json);

}  // namespace holdfast::agent
