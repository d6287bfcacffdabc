// The answer table. Order matters where two rows could fit: an announced wait first, because it
// keeps the points and respects the server; then words that say the points were refused; then the
// status.
#include "outputs/answer.h"

#include <algorithm>
#include <charconv>
#include <initializer_list>
#include <optional>
#include <utility>

#include <fmt/core.h>

#include <nlohmann/json.hpp>

#include "outputs/retry_after.h"
#include "outputs/text.h"

namespace holdfast::outputs {
namespace {

using nlohmann::json;

bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

std::string text_member(const json& object, const char* name) {
  const auto found = object.is_object() ? object.find(name) : object.end();
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

// InfluxDB 3 says which line it was in "data", an object or a list of them.
std::string line_detail(const json& document) {
  const auto found = document.find("data");
  if (found == document.end()) return {};
  const json& data = found->is_array() && !found->empty() ? found->front() : *found;
  return text_member(data, "error_message");
}

std::optional<std::string> json_message(std::string_view body) {
  const json document = json::parse(body, nullptr, /*allow_exceptions=*/false);
  if (!document.is_object()) return std::nullopt;
  std::string message = text_member(document, "error");
  if (message.empty()) message = text_member(document, "message");
  if (const std::string detail = line_detail(document); !detail.empty()) message += ": " + detail;
  return message;
}

// The text of an HTML page without its tags, styles and scripts.
std::string html_text(std::string_view body) {
  std::string out;
  while (!body.empty()) {
    const auto tag = body.find('<');
    out.append(body.substr(0, tag));
    if (tag == std::string_view::npos) break;
    body.remove_prefix(tag);
    const bool hidden = body.starts_with("<style") || body.starts_with("<script");
    auto end = body.find(hidden ? "</" : ">");
    if (hidden && end != std::string_view::npos) end = body.find('>', end);
    if (end == std::string_view::npos) break;
    body.remove_prefix(end + 1);
    out += ' ';
  }
  return out;
}

bool looks_like_html(std::string_view body) {
  const auto start = body.find_first_not_of(" \t\r\n");
  return start != std::string_view::npos && body[start] == '<';
}

std::string raw_message(const HttpResult& answer) {
  if (const auto message = json_message(answer.body); message && !message->empty()) return *message;
  if (const std::string* header = answer.header("X-Influxdb-Error")) return *header;
  return looks_like_html(answer.body) ? html_text(answer.body) : answer.body;
}

// N of the last "dropped=N": points that a server did not store. The texts of refused lines may
// stand before it and could contain the same words.
std::uint64_t dropped_points(std::string_view message) {
  constexpr std::string_view kDropped = "dropped=";
  const auto at = message.rfind(kDropped);
  if (at == std::string_view::npos) return 0;
  const std::string_view digits = message.substr(at + kDropped.size());
  std::uint64_t count = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), count);
  return count;
}

std::string reason_text(const HttpResult& answer) {
  const std::string words = server_message(answer);
  if (answer.status == 0) return one_line(answer.error_text);
  return words.empty() ? fmt::format("HTTP {}", answer.status)
                       : fmt::format("HTTP {}: {}", answer.status, words);
}

std::optional<base::Duration> announced_wait(const HttpResult& answer, base::WallTime now) {
  const std::string* const wait = answer.header("Retry-After");
  if (wait == nullptr) return std::nullopt;
  const std::string* const date = answer.header("Date");
  return parse_retry_after(*wait, date == nullptr ? std::string_view() : *date, now);
}

bool is_one_of(int status, std::initializer_list<int> statuses) {
  return std::find(statuses.begin(), statuses.end(), status) != statuses.end();
}

Decision decision_of(Action action) { return {.action = action}; }

Decision refused(const HttpResult& answer, const AnswerContext& context, std::string_view message) {
  Decision decision;
  if (contains(message, "partial write")) {
    if (const std::uint64_t dropped = dropped_points(message); dropped > 0) {
      decision.action = Action::kDelivered;
      decision.rejected = std::min(dropped, context.points);
      return decision;
    }
    decision.may_be_stored = true;
  }
  // The words were lost on the way (a NUL in a header, a connection that broke): it may have been
  // a partial write.
  if (answer.error != TransportError::kNone && message.empty()) decision.may_be_stored = true;
  decision.action = Action::kRejected;
  decision.lower_batch_size = answer.status == 413;
  return decision;
}

Decision misconfigured(bool database_missing = false) {
  Decision decision = decision_of(Action::kMisconfigured);
  decision.database_missing = database_missing;
  return decision;
}

Decision server_error(const HttpResult& answer, const AnswerContext& context,
                      std::string_view message) {
  if (contains(message, "partial write") || contains(message, "unable to parse") ||
      contains(message, "points beyond retention policy")) {
    return refused(answer, context, message);
  }
  if (answer.status == 500 && contains(message, "retention policy not found")) {
    return misconfigured();
  }
  return Decision{};
}

Decision action_for(const HttpResult& answer, const AnswerContext& context) {
  const int status = answer.status;
  if (status < 200) return Decision{};  // no answer, or none that ends a request
  if (status < 300) return decision_of(Action::kDelivered);
  if (is_one_of(status, {408, 425, 429, 502, 503, 504})) {
    if (const auto wait = announced_wait(answer, context.now)) {
      Decision decision = decision_of(Action::kWait);
      decision.wait = *wait;
      return decision;
    }
    if (status < 500) return Decision{};
  }
  const std::string message = raw_message(answer);
  if (is_one_of(status, {400, 413, 422})) return refused(answer, context, message);
  if (status == 404) return misconfigured(contains(message, "database not found"));
  if (status < 500) return misconfigured();
  return server_error(answer, context, message);
}

}  // namespace

std::string server_message(const HttpResult& answer) { return one_line(raw_message(answer)); }

Decision decide(const HttpResult& answer, const AnswerContext& context) {
  Decision decision = action_for(answer, context);
  const bool clean = decision.action == Action::kDelivered && decision.rejected == 0;
  decision.status = answer.status;
  if (!clean) decision.reason = reason_text(answer);
  return decision;
}

}  // namespace holdfast::outputs
