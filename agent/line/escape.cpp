// Escaping: the one place that knows how a text is written in line protocol.
#include "agent/line/escape.h"

#include <algorithm>

#include "agent/line/encode.h"
#include "agent/line/rules.h"

namespace holdfast::line {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";  // U+FFFD

// Tab, LF, FF and CR as two characters, as telegraf writes them; other control characters have no
// agreed form and are replaced.
void append_control(char byte, std::string& out) {
  switch (byte) {
    case '\t':
      out.append("\\t");
      break;
    case '\n':
      out.append("\\n");
      break;
    case '\f':
      out.append("\\f");
      break;
    case '\r':
      out.append("\\r");
      break;
    default:
      out.append(kReplacement);
  }
}

// InfluxDB 1.x reads the byte before a separator, InfluxDB 3 pairs backslashes from the left: they
// agree only on an odd number of backslashes. One that would make it even is dropped, like trailing
// ones, since no form of it is read alike by all servers (and 3 refuses the request).
void append_separator(char byte, std::size_t name_start, std::string& out) {
  std::size_t backslashes = 0;
  while (out.size() - backslashes > name_start && out[out.size() - 1 - backslashes] == '\\') {
    ++backslashes;
  }
  if (backslashes % 2 == 0) {
    out.push_back('\\');
  }
  out.push_back(byte);
}

[[nodiscard]] bool is_copied(char byte) {
  const NameByte kind = name_byte(byte);
  return (kind == NameByte::kPlain || kind == NameByte::kBackslash) &&
         static_cast<unsigned char>(byte) < 0x80;
}

void append_escaped(std::string_view name, bool escape_equals, std::string& out) {
  name = strip_backslashes(name);
  const std::size_t start = out.size();
  std::size_t at = 0;
  while (at < name.size()) {
    std::size_t run = at;
    while (run < name.size() && is_copied(name[run])) {
      ++run;
    }
    out.append(name, at, run - at);
    at = run;
    if (at == name.size()) {
      return;
    }
    const NameByte kind = name_byte(name[at]);
    if (kind == NameByte::kPlain) {
      const std::size_t size = utf8_sequence_size(name.substr(at));
      out.append(size == 0 ? kReplacement : name.substr(at, size));
      at += std::max<std::size_t>(size, 1);
      continue;
    }
    if (kind == NameByte::kControl) {
      append_control(name[at], out);
    } else if (kind == NameByte::kEquals && !escape_equals) {
      out.push_back('=');
    } else {
      append_separator(name[at], start, out);
    }
    ++at;
  }
}

[[nodiscard]] bool is_quoted_as_is(char byte) {
  const auto value = static_cast<unsigned char>(byte);
  return value != '"' && value != '\\' && value != 0 && value < 0x80;
}

}  // namespace

bool may_collide(std::string_view name) {
  for (const char byte : name) {
    const NameByte kind = name_byte(byte);
    if (kind == NameByte::kControl || kind == NameByte::kBackslash) {
      return true;
    }
  }
  return find_invalid_utf8(name) != std::string_view::npos;
}

std::string_view strip_backslashes(std::string_view name) {
  while (!name.empty() && name.back() == '\\') {
    name.remove_suffix(1);
  }
  return name;
}

void append_escaped_name(std::string_view name, std::string& out) {
  append_escaped(name, false, out);
}

void append_escaped_key(std::string_view key, std::string& out) { append_escaped(key, true, out); }

void append_quoted(std::string_view text, std::string& out) {
  out.push_back('"');
  std::size_t at = 0;
  while (at < text.size()) {
    std::size_t run = at;
    while (run < text.size() && is_quoted_as_is(text[run])) {
      ++run;
    }
    out.append(text, at, run - at);
    at = run;
    if (at == text.size()) {
      break;
    }
    if (text[at] == '"' || text[at] == '\\') {
      out.push_back('\\');
      out.push_back(text[at]);
      ++at;
      continue;
    }
    // NUL is refused by servers and terminals alike; invalid UTF-8 by InfluxDB 3.
    const std::size_t size = text[at] == '\0' ? 0 : utf8_sequence_size(text.substr(at));
    out.append(size == 0 ? kReplacement : text.substr(at, size));
    at += std::max<std::size_t>(size, 1);
  }
  out.push_back('"');
}

}  // namespace holdfast::line
