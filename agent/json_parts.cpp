// The parts of JSON documents that more than one of them has.
#include "agent/json_parts.h"

#include "agent/base/clock.h"

namespace holdfast::agent {

Json null_if_empty(const std::string& text) { return text.empty() ? Json(nullptr) : Json(text); }

std::string utc(std::int64_t ns) { return base::format_utc(base::WallTime(base::Duration(ns))); }

Json ledger_json(const buffer::Ledger& ledger) {
  const auto& counters = ledger.counters;
  return {{"since", utc(ledger.since_ns)},
          {"accepted", ledger.accepted},
          {"delivered", counters.delivered},
          {"buffered", ledger.buffered},
          {"dropped",
           {{"overflow", counters.overflow},
            {"rejected", counters.rejected},
            {"expired", counters.expired},
            {"corrupt", counters.corrupt}}},
          {"filtered", counters.filtered}};
}

Json reader_json(const buffer::ReaderInfo& reader) {
  return {
      {"reader", reader.id},
      {"attached", reader.attached},
      {"orphaned_since", reader.orphaned_ns == 0 ? Json(nullptr) : Json(utc(reader.orphaned_ns))},
      {"ledger", ledger_json(reader.ledger)}};
}

std::string json_text(const Json& json) {
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string json_line(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace holdfast::agent
