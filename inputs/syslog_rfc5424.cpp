// RFC 5424: <PRI>VERSION TIMESTAMP HOSTNAME APP-NAME PROCID MSGID STRUCTURED-DATA [MSG]
#include <algorithm>

#include <fmt/core.h>

#include "inputs/syslog_message.h"

namespace holdfast::inputs {
namespace {

using syslog::Scanner;

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

bool is_printable(char c) { return c > 32 && c < 127; }

bool is_name_char(char c) { return is_printable(c) && c != '=' && c != ']' && c != '"'; }

// How many characters at the front are such.
template <class Predicate>
std::size_t count_front(std::string_view text, Predicate is_such) {
  return static_cast<std::size_t>(std::find_if_not(text.begin(), text.end(), is_such) -
                                  text.begin());
}

base::Status take_version(Scanner& in, SyslogMessage& out) {
  const std::string_view text = in.rest();
  const std::size_t digits =
      count_front(text.substr(0, 3), [](char c) { return c >= '0' && c <= '9'; });
  if (digits == 0 || text.front() == '0') return in.error("a version from 1 to 999");
  unsigned version = 0;
  for (const char c : text.substr(0, digits)) {
    version = version * 10 + static_cast<unsigned>(c - '0');
  }
  out.version = version;
  out.begun = true;
  in.skip(digits);
  return base::ok();
}

base::Status take_blank(Scanner& in) {
  return in.take(' ') ? base::ok() : base::Status(in.error("a blank"));
}

base::Status take_timestamp(Scanner& in, SyslogMessage& out) {
  const std::string_view word = in.rest().substr(0, in.rest().find(' '));
  if (word != "-") {
    out.timestamp_ns = syslog::parse_rfc3339(word);
    if (!out.timestamp_ns) return in.error("a time such as 2003-10-11T22:14:15.003Z, or -");
  }
  in.skip(word.size());
  return base::ok();
}

// A blank and a word; "-" stands for none.
base::Status take_word(Scanner& in, std::size_t most, std::string_view name,
                       std::string_view& out) {
  if (auto blank = take_blank(in); !blank) return blank;
  const std::string_view word = in.rest().substr(0, count_front(in.rest(), is_printable));
  if (word.empty() || word.size() > most) {
    return in.error(fmt::format("{} of 1 to {} printable characters, or -", name, most));
  }
  if (word != "-") out = word;
  in.skip(word.size());
  return base::ok();
}

base::Result<std::string_view> take_name(Scanner& in, std::string_view what) {
  constexpr std::size_t kMost = 32;
  const std::string_view name = in.rest().substr(0, count_front(in.rest(), is_name_char));
  if (name.empty() || name.size() > kMost) {
    return in.error(fmt::format("{} of 1 to {} characters", what, kMost));
  }
  in.skip(name.size());
  return name;
}

// Up to the closing quote, which it takes.
base::Result<std::string> take_value(Scanner& in) {
  std::string value;
  while (!in.done()) {
    const char c = in.rest().front();
    if (c == ']') return in.error("`\\]` within a value, or `\"` at its end");
    in.skip(1);
    if (c == '"') return value;
    const bool escape = c == '\\' && !in.done() &&
                        std::string_view("\"\\]").find(in.rest().front()) != std::string_view::npos;
    value += escape ? in.rest().front() : c;
    if (escape) in.skip(1);
  }
  return in.error("`\"` at the end of a value");
}

base::Status take_element(Scanner& in, SyslogMessage& out) {
  const auto id = take_name(in, "the name of an element");
  if (!id) return tl::unexpected(id.error());
  SyslogMessage::Element element{*id, {}};
  while (in.take(' ')) {
    const auto name = take_name(in, "the name of a parameter");
    if (!name) return tl::unexpected(name.error());
    if (!in.take('=') || !in.take('"')) return in.error("=\" behind the name of a parameter");
    auto value = take_value(in);
    if (!value) return tl::unexpected(value.error());
    element.params.emplace_back(*name, std::move(*value));
  }
  if (!in.take(']')) return in.error("a blank or ] in structured data");
  out.elements.push_back(std::move(element));
  return base::ok();
}

base::Status take_structured_data(Scanner& in, SyslogMessage& out) {
  if (in.take('-')) return base::ok();
  if (!in.rest().starts_with('['))
    return in.error("structured data such as [id name=\"value\"], or -");
  while (in.take('[')) {
    if (auto taken = take_element(in, out); !taken) return taken;
  }
  return base::ok();
}

base::Status take_header(Scanner& in, SyslogMessage& out) {
  if (auto taken = syslog::take_priority(in, out); !taken) return taken;
  if (auto taken = take_version(in, out); !taken) return taken;
  if (auto taken = take_blank(in); !taken) return taken;
  if (auto taken = take_timestamp(in, out); !taken) return taken;
  if (auto taken = take_word(in, 255, "a host name", out.hostname); !taken) return taken;
  if (auto taken = take_word(in, 48, "an application's name", out.appname); !taken) return taken;
  if (auto taken = take_word(in, 128, "a process id", out.procid); !taken) return taken;
  return take_word(in, 32, "a message id", out.msgid);
}

}  // namespace

base::Status parse_rfc5424(std::string_view text, SyslogMessage& out) {
  Scanner in(text);
  if (auto taken = take_header(in, out); !taken) return taken;
  if (auto taken = take_blank(in); !taken) return taken;
  if (auto taken = take_structured_data(in, out); !taken) return taken;
  if (in.done()) return base::ok();
  if (auto taken = take_blank(in); !taken) return taken;
  std::string_view message = in.rest();
  if (message.starts_with(kByteOrderMark)) message.remove_prefix(kByteOrderMark.size());
  out.message = message;
  return base::ok();
}

}  // namespace holdfast::inputs
