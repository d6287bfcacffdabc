// Reading requests, and counting what they stored.
#include "tests/support/fault_account.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>

#include "tests/support/gzip.h"

namespace holdfast::test {
namespace {

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
  }
  return out;
}

std::string_view trim(std::string_view text) {
  const auto begin = text.find_first_not_of(" \t\r\n");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t\r\n") - begin + 1);
}

std::optional<std::uint64_t> number_of(std::string_view line) {
  constexpr std::string_view kField = "seq=";
  const auto at = line.find(kField);
  if (at == std::string_view::npos) return std::nullopt;
  std::uint64_t number = 0;
  const std::string_view digits = line.substr(at + kField.size());
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (error != std::errc{}) return std::nullopt;
  return number;
}

}  // namespace

RecordedRequest parse_head(std::string_view head) {
  RecordedRequest request;
  request.time = std::chrono::steady_clock::now();
  const std::string_view first = head.substr(0, head.find("\r\n"));
  const auto blank = first.find(' ');
  request.method = first.substr(0, blank);
  const std::string_view rest = blank == std::string_view::npos ? "" : first.substr(blank + 1);
  request.target = rest.substr(0, rest.find(' '));
  head.remove_prefix(std::min(head.size(), first.size() + 2));
  while (!head.empty()) {
    const std::string_view line = head.substr(0, head.find("\r\n"));
    head.remove_prefix(std::min(head.size(), line.size() + 2));
    const auto colon = line.find(':');
    if (colon == std::string_view::npos) continue;
    request.headers[lower(line.substr(0, colon))] = trim(line.substr(colon + 1));
  }
  return request;
}

std::string header_of(const RecordedRequest& request, const std::string& name) {
  const auto found = request.headers.find(name);
  return found == request.headers.end() ? "" : found->second;
}

bool is_write(const RecordedRequest& request) {
  return std::string_view(request.target).substr(0, request.target.find('?')).ends_with("/write");
}

void decode(RecordedRequest& request) {
  if (header_of(request, "content-encoding") != "gzip") {
    request.lines = request.body;
    request.valid_encoding = true;
    return;
  }
  if (auto lines = gunzip_single_member(request.body)) {
    request.lines = std::move(*lines);
    request.valid_encoding = true;
  }
}

std::uint8_t NumberCounts::add(std::uint64_t number) {
  auto& page = pages_[number / kPage];
  page.resize(kPage);
  std::uint8_t& count = page[number % kPage];
  if (count < UINT8_MAX) ++count;
  return count;
}

std::uint8_t NumberCounts::of(std::uint64_t number) const {
  const auto page = pages_.find(number / kPage);
  return page == pages_.end() ? 0 : page->second[number % kPage];
}

Step FaultAccount::next_step(bool write) {
  const std::lock_guard lock(mutex);
  std::deque<Step>& script = write ? write_script : other_script;
  Step step;
  if (!write) {
    step.status = 200;
    step.body = R"({"results":[{"statement_id":0}]})";
  }
  if (script.empty()) return write && source ? source() : step;
  step = std::move(script.front());
  script.pop_front();
  return step;
}

std::size_t FaultAccount::record(RecordedRequest request) {
  const std::lock_guard lock(mutex);
  if (request.stored) store(request);
  // What hangs may be stored later.
  if (!keep_bodies && request.fault != Fault::kHang) request.body = request.lines = {};
  requests.push_back(std::move(request));
  changed.notify_all();
  return requests.size() - 1;
}

void FaultAccount::store_late(std::size_t index) {
  const std::lock_guard lock(mutex);
  requests[index].stored = true;
  store(requests[index]);
  changed.notify_all();
}

void FaultAccount::store(RecordedRequest& request) {
  std::string_view lines = request.lines;
  while (!lines.empty()) {
    const std::string_view line = lines.substr(0, lines.find('\n'));
    lines.remove_prefix(std::min(lines.size(), line.size() + 1));
    if (line.empty()) continue;
    ++stored;
    ++request.points;
    if (is_repeat(line)) ++request.repeats;
  }
}

bool FaultAccount::is_repeat(std::string_view line) {
  if (const auto number = number_of(line)) {
    if (numbers.add(*number) > 1) return true;
    ++distinct.numbers;
    return false;
  }
  if (!others.emplace(line).second) return true;
  ++distinct.others;
  return false;
}

}  // namespace holdfast::test
