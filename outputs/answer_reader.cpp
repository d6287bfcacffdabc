// Status line, headers and the start of the body → HttpResult.
#include "outputs/answer_reader.h"

#include <algorithm>
#include <charconv>
#include <utility>

namespace holdfast::outputs {
namespace {

std::string_view trim(std::string_view text) {
  constexpr std::string_view kBlank = " \t\r\n";
  const auto begin = text.find_first_not_of(kBlank);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kBlank) - begin + 1);
}

// "HTTP/1.1 204 No Content" → 204; 0 if it is no status line.
int status_of(std::string_view line) {
  if (!line.starts_with("HTTP/")) return 0;
  const auto blank = line.find(' ');
  if (blank == std::string_view::npos) return 0;
  const std::string_view digits = line.substr(blank + 1, 3);
  int status = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), status);
  const bool whole = error == std::errc{} && end == digits.data() + 3;
  return whole && status >= 100 ? status : 0;
}

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool same_name(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](char x, char y) { return lower(x) == lower(y); });
}

}  // namespace

const std::string* HttpResult::header(std::string_view name) const {
  const auto found = std::find_if(headers.begin(), headers.end(), [name](const HttpHeader& entry) {
    return same_name(entry.name, name);
  });
  return found == headers.end() ? nullptr : &found->value;
}

void AnswerReader::header_line(std::string_view line) {
  saw_anything_ = true;
  if (const int status = status_of(line); status > 0) {
    result_.status = status;
    result_.headers.clear();
    headers_done_ = false;
    return;
  }
  const std::string_view text = trim(line);
  if (text.empty()) {
    headers_done_ = true;
    return;
  }
  const auto colon = text.find(':');
  // Behind the section only trailers of a chunked body can follow: of no interest.
  if (headers_done_ || colon == std::string_view::npos || result_.headers.size() >= kMaxHeaders) {
    return;
  }
  const std::string_view value = trim(text.substr(colon + 1));
  result_.headers.push_back({std::string(trim(text.substr(0, colon)).substr(0, kMaxHeaderBytes)),
                             std::string(value.substr(0, kMaxHeaderBytes))});
}

bool AnswerReader::body(std::string_view bytes) {
  saw_anything_ = true;
  result_.body.append(bytes.substr(0, kMaxBody - result_.body.size()));
  body_bytes_ += bytes.size();
  return body_bytes_ <= kMaxDrain;
}

void AnswerReader::raw(std::string_view bytes) {
  while (!bytes.empty() && !headers_done_) {
    const auto end = bytes.find('\n');
    if (end == std::string_view::npos) return;
    if (!saw_anything_ && status_of(bytes) == 0) return;
    header_line(bytes.substr(0, end + 1));
    bytes.remove_prefix(end + 1);
    if (headers_done_ && result_.status < 200) headers_done_ = false;  // a 1xx: read on
  }
  if (headers_done_) (void)body(bytes);
}

}  // namespace holdfast::outputs
