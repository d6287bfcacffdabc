// The two JSON documents of the program, read by a library that is none of ours.
#include "tests/support/agent_state.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace holdfast::test {
namespace {

using Json = nlohmann::json;

std::uint64_t number(const Json& object, const char* name) {
  return object.at(name).get<std::uint64_t>();
}

std::string text(const Json& object, const char* name) {
  const Json& value = object.at(name);
  return value.is_string() ? value.get<std::string>() : std::string();
}

LedgerState ledger_of(const Json& json) {
  LedgerState ledger;
  ledger.accepted = number(json, "accepted");
  ledger.delivered = number(json, "delivered");
  ledger.buffered = number(json, "buffered");
  ledger.filtered = number(json, "filtered");
  const Json& dropped = json.at("dropped");
  ledger.overflow = number(dropped, "overflow");
  ledger.rejected = number(dropped, "rejected");
  ledger.expired = number(dropped, "expired");
  ledger.corrupt = number(dropped, "corrupt");
  return ledger;
}

InputState input_of(const Json& json) {
  return {number(json, "gathers"), number(json, "errors"), number(json, "gathered"),
          number(json, "not_accepted"), text(json, "last_error")};
}

OutputState output_of(const Json& json) {
  OutputState output;
  output.state = text(json, "state");
  output.last_error = text(json, "last_error");
  output.requests = number(json, "requests");
  for (const auto& [status, count] : json.at("by_status").items()) {
    output.by_status[std::stoi(status)] = count.get<std::uint64_t>();
  }
  output.ledger = ledger_of(json.at("ledger"));
  return output;
}

template <class Value>
const Value& find_or_complain(const std::map<std::string, Value>& map, const std::string& key) {
  static const Value none{};
  const auto found = map.find(key);
  if (found != map.end()) return found->second;
  ADD_FAILURE() << "no entry " << key;
  return none;
}

AgentState status_of(const Json& json) {
  AgentState state;
  state.answered = true;
  state.healthy = json.at("healthy").get<bool>();
  state.degraded = json.at("ring").at("degraded").get<bool>();
  state.uptime_s = json.at("uptime_s").get<double>();
  state.version = text(json, "version");
  state.hostname = text(json, "hostname");
  const Json& configuration = json.at("configuration");
  state.configuration = {number(configuration, "reloads"), number(configuration, "failed_reloads"),
                         text(configuration, "failing_since"), text(configuration, "last_error")};
  for (const Json& input : json.at("inputs")) state.inputs[text(input, "name")] = input_of(input);
  for (const Json& output : json.at("outputs")) {
    state.outputs[text(output, "reader")] = output_of(output);
  }
  return state;
}

RingState ring_of(const Json& json) {
  RingState state;
  state.readable = true;
  state.size_bytes = number(json, "size_bytes");
  state.accepted = number(json, "accepted");
  state.points = number(json, "points");
  for (const Json& reader : json.at("readers")) {
    state.readers[text(reader, "reader")] = ledger_of(reader.at("ledger"));
  }
  return state;
}

}  // namespace

const InputState& AgentState::input(const std::string& name) const {
  return find_or_complain(inputs, name);
}

const OutputState& AgentState::output(const std::string& reader) const {
  return find_or_complain(outputs, reader);
}

const LedgerState& RingState::reader(const std::string& id) const {
  return find_or_complain(readers, id);
}

AgentState parse_status(const std::string& json) {
  try {
    return status_of(Json::parse(json));
  } catch (const Json::exception& error) {
    ADD_FAILURE() << error.what() << " in " << json;
  }
  return {};
}

RingState parse_ring(const std::string& json) {
  try {
    return ring_of(Json::parse(json));
  } catch (const Json::exception& error) {
    ADD_FAILURE() << error.what() << " in " << json;
  }
  return {};
}

}  // namespace holdfast::test
