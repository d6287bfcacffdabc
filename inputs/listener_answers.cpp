// The two forms of errors, and which of them a write deserves.
#include "inputs/listener_answers.h"

#include <utility>

#include <fmt/core.h>

namespace holdfast::inputs {
namespace {

// `text` is plain.
std::string json_string(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out += '"';
}

http::Response with_retry_after(http::Response answer) {
  if (answer.status == 503) answer.headers.emplace_back("Retry-After", "1");
  return answer;
}

// What InfluxDB 2 calls it.
std::string_view code_of(int status) {
  switch (status) {
    case 400:
      return "invalid";
    case 401:
      return "unauthorized";
    case 403:
      return "forbidden";
    case 404:
      return "not found";
    case 405:
      return "method not allowed";
    case 413:
      return "request too large";
    case 503:
      return "unavailable";
    default:
      return "internal error";
  }
}

std::string bad_lines_text(const WriteResult& result) {
  std::string text = fmt::format("line {}: {}", result.first_bad.number, result.first_bad.reason);
  if (!result.first_bad.excerpt.empty()) text += fmt::format(" in `{}`", result.first_bad.excerpt);
  if (result.bad_lines > 1) text += fmt::format(" (and {} more bad lines)", result.bad_lines - 1);
  return text;
}

int status_of(const WriteResult& result) {
  if (result.status) return result.bad_lines > 0 ? 400 : 204;
  switch (result.status.error().code) {
    case base::ErrorCode::kInvalid:
      return 400;
    case base::ErrorCode::kTooLarge:
      return 413;
    default:
      return 503;
  }
}

}  // namespace

std::string plain_text(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f) c = ' ';
    if (byte >= 0x80) c = '?';
  }
  return out;
}

http::Response influxdb_v1_error(int status, std::string_view message) {
  const std::string text = plain_text(message);
  return with_retry_after({status,
                           fmt::format("{{\"error\":{}}}\n", json_string(text)),
                           "application/json",
                           {{"X-Influxdb-Error", text}}});
}

http::Response influxdb_v2_error(int status, std::string_view message) {
  const std::string_view code = code_of(status);
  return with_retry_after(
      {status,
       fmt::format("{{\"code\":\"{}\",\"message\":{}}}\n", code, json_string(plain_text(message))),
       "application/json; charset=utf-8",
       {{"X-Platform-Error-Code", std::string(code)}}});
}

http::Response method_answer(ErrorAnswer error, std::string_view allowed) {
  auto answer = error(405, fmt::format("the method must be {}", allowed));
  answer.headers.emplace_back("Allow", allowed);
  return answer;
}

http::Response unauthorized_answer(ErrorAnswer error, std::string_view challenge) {
  auto answer = error(401, "authorization failed");
  answer.headers.emplace_back("WWW-Authenticate", challenge);
  return answer;
}

std::string problem_of(const WriteResult& result) {
  if (!result.status) return result.status.error().message;
  return result.bad_lines > 0 ? bad_lines_text(result) : "";
}

http::Response write_answer(const WriteResult& result, ErrorAnswer error) {
  const int status = status_of(result);
  return status == 204 ? http::Response{} : error(status, problem_of(result));
}

}  // namespace holdfast::inputs
