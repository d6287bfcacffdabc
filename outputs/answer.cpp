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

std::uint64_t number_member(const json& object, const char* name) {
  const auto found = object.is_object() ? object.find(name) : object.end();
  return found != object.end() && found->is_number_unsigned() ? found->get<std::uint64_t>() : 0;
}

// InfluxDB 3 says which line it was in "data", an object or a list of them.
const json& line_detail(const json& document) {
  static const json none;
  const auto found = document.is_object() ? document.find("data") : document.end();
  if (found == document.end()) return none;
  return found->is_array() && !found->empty() ? found->front() : *found;
}

// "line" as InfluxDB 2 documents it (2.7 never sends it), "line_number" of InfluxDB 3.
std::uint64_t bad_line(std::string_view body) {
  const json document = json::parse(body, nullptr, /*allow_exceptions=*/false);
  const std::uint64_t line = number_member(document, "line");
  return line > 0 ? line : number_member(line_detail(document), "line_number");
}

// Of a 413: its "maxLength", or the largest number in the message, which the documentation says
// names the largest size. Numbers that cannot be a size do not count.
std::uint64_t max_body_bytes(std::string_view body, std::string_view message) {
  constexpr std::uint64_t kLeast = 1024;
  const json document = json::parse(body, nullptr, /*allow_exceptions=*/false);
  std::uint64_t most = number_member(document, "maxLength");
  for (std::size_t at = 0; at < message.size();) {
    std::uint64_t number = 0;
    const char* const begin = message.data() + at;
    const auto read = std::from_chars(begin, message.data() + message.size(), number);
    if (read.ec == std::errc()) most = std::max(most, number);
    at += std::max<std::size_t>(1, static_cast<std::size_t>(read.ptr - begin));
  }
  return most >= kLeast ? most : 0;
}

std::optional<std::string> json_message(std::string_view body) {
  const json document = json::parse(body, nullptr, /*allow_exceptions=*/false);
  if (!document.is_object()) return std::nullopt;
  std::string message;
  for (const char* const name : {"error", "message", "err", "code"}) {
    if (message.empty()) message = text_member(document, name);
  }
  const std::string detail = text_member(line_detail(document), "error_message");
  if (!detail.empty()) message += ": " + detail;
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
  if (decision.lower_batch_size) decision.max_body_bytes = max_body_bytes(answer.body, message);
  decision.bad_line = bad_line(answer.body);
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
  Decision decision;
  decision.ambiguous = answer.status == 500;
  return decision;
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
