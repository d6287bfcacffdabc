#include "inputs/statsd/datadog.h"

#include <charconv>
#include <string>

#include "inputs/statsd/line.h"

namespace holdfast::statsd {
namespace {

constexpr std::string_view kEvent = "_e{";
constexpr std::string_view kCheck = "_sc|";

template <class... Args>
auto invalid(fmt::format_string<Args...> format, Args&&... args) {
  return base::fail(base::ErrorCode::kInvalid, format, std::forward<Args>(args)...);
}

template <class Number>
bool read_number(std::string_view text, Number& out) {
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), out);
  return problem == std::errc() && end == text.data() + text.size();
}

std::string_view take_part(std::string_view& rest) {
  const std::size_t at = std::min(rest.find('|'), rest.size());
  const std::string_view part = rest.substr(0, at);
  rest.remove_prefix(std::min(at + 1, rest.size()));
  return part;
}

// `\n` in two characters is a line feed.
std::string with_line_feeds(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text.substr(i, 2) == "\\n") {
      out += '\n';
      ++i;
    } else {
      out += text[i];
    }
  }
  return out;
}

bool is_one_of(std::string_view text, std::initializer_list<std::string_view> words) {
  for (const auto word : words) {
    if (text == word) return true;
  }
  return false;
}

// `host` is the agent's own tag: the sender's is `source`.
void add_tags(Tags tags, std::string_view source, line::Point& out) {
  tags.try_emplace("source", source);
  if (const auto host = tags.find("host"); host != tags.end()) {
    tags["source"] = host->second;
    tags.erase("host");
  }
  for (const auto& [key, value] : tags) out.tag(key, value);
}

struct EventText {
  std::string_view title;
  std::string_view text;
  std::string_view rest;  // begins with `|`, if there is any
};

base::Result<EventText> cut_event(std::string_view whole) {
  std::string_view left = whole.substr(kEvent.size());
  const std::size_t comma = left.find(',');
  const std::size_t end = left.find("}:");
  std::size_t title_size = 0;
  std::size_t text_size = 0;
  if (end == std::string_view::npos || comma > end ||
      !read_number(left.substr(0, comma), title_size) ||
      !read_number(left.substr(comma + 1, end - comma - 1), text_size)) {
    return invalid("expected an event to begin with _e{{<bytes>,<bytes>}}:");
  }
  left.remove_prefix(end + 2);
  if (title_size >= left.size() || text_size > left.size() - title_size - 1) {
    return invalid("the event is shorter than it says");
  }
  if (title_size == 0 || text_size == 0) return invalid("the event has no title or no text");
  return EventText{left.substr(0, title_size), left.substr(title_size + 1, text_size),
                   left.substr(title_size + 1 + text_size)};
}

}  // namespace

bool is_event(std::string_view text) { return text.starts_with(kEvent); }
bool is_service_check(std::string_view text) { return text.starts_with(kCheck); }

base::Status parse_event(std::string_view text, std::string_view source, std::int64_t now_ns,
                         line::Point& out) {
  const auto event = cut_event(text);
  if (!event) return tl::unexpected(event.error());
  out.reset(event->title);
  out.time(now_ns);
  Tags tags;
  std::string_view priority = "normal";
  std::string_view alert = "info";
  std::string_view left = event->rest;
  if (!left.empty()) left.remove_prefix(1);
  while (!left.empty()) {
    const std::string_view part = take_part(left);
    const std::string_view key = part.substr(0, 2);
    const std::string_view value = part.substr(key.size());
    std::int64_t happened = 0;
    if (part.starts_with('#')) {
      parse_tags(part.substr(1), tags);
    } else if (key == "d:") {
      if (read_number(value, happened)) out.field("ts", happened);
    } else if (key == "p:") {
      if (is_one_of(value, {"normal", "low"})) priority = value;
    } else if (key == "t:") {
      if (is_one_of(value, {"error", "warning", "success", "info"})) alert = value;
    } else if (key == "h:") {
      tags["source"] = value;
    } else if (key == "k:") {
      tags["aggregation_key"] = value;
    } else if (key == "s:") {
      out.field("source_type_name", value);
    } else if (key != "c:") {
      return invalid("found `{}`, expected a part d: p: t: h: k: s: c: or #tags", part);
    }
  }
  out.field("text", with_line_feeds(event->text));
  out.field("priority", priority).field("alert_type", alert);
  add_tags(std::move(tags), source, out);
  return base::ok();
}

base::Status parse_service_check(std::string_view text, std::string_view source,
                                 std::int64_t now_ns, line::Point& out) {
  std::string_view left = text.substr(kCheck.size());
  const std::string_view name = take_part(left);
  const std::string_view status_text = take_part(left);
  std::int64_t status = 0;
  if (name.empty()) return invalid("the service check has no name");
  if (!read_number(status_text, status) || status < 0 || status > 3) {
    return invalid("found the status `{}`, expected 0, 1, 2 or 3", status_text);
  }
  static constexpr std::string_view kStates[] = {"ok", "warning", "critical", "unknown"};
  out.reset("statsd_service_check");
  out.time(now_ns);
  Tags tags;
  while (!left.empty()) {
    // The message is the last part: what looks like another one is of it.
    if (left.starts_with("m:")) {
      out.field("message", with_line_feeds(left.substr(2)));
      break;
    }
    const std::string_view part = take_part(left);
    std::int64_t happened = 0;
    if (part.starts_with('#')) {
      parse_tags(part.substr(1), tags);
    } else if (part.starts_with("d:")) {
      if (read_number(part.substr(2), happened)) out.field("ts", happened);
    } else if (part.starts_with("h:")) {
      tags["source"] = part.substr(2);
    } else if (!part.starts_with("c:")) {
      return invalid("found `{}`, expected a part d: h: c: m: or #tags", part);
    }
  }
  out.field("status", status).field("status_text", kStates[status]);
  tags["check_name"] = name;
  add_tags(std::move(tags), source, out);
  return base::ok();
}

}  // namespace holdfast::statsd
