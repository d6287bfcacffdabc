// The scanner's walk over one line: series, fields, timestamp. Numbers are judged in number.cpp;
// checks that need the whole line are in scanner_checks.cpp.
#include "agent/line/scanner.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>
#include <optional>

#include "agent/line/number.h"
#include "agent/line/rules.h"

namespace holdfast::line {
namespace {

constexpr std::array<std::string_view, 10> kBooleans = {"t", "T", "true",  "True",  "TRUE",
                                                        "f", "F", "false", "False", "FALSE"};

[[nodiscard]] std::string_view between(const char* from, const char* to) {
  return {from, static_cast<std::size_t>(to - from)};
}

}  // namespace

// What is asked of a key, and what is said when it is not so.
struct LineScanner::KeyRules {
  bool (*is_reserved)(std::string_view);
  std::string_view no_key, no_value, reserved;
};
constexpr LineScanner::KeyRules LineScanner::kTagKey{is_reserved_tag, "missing tag key",
                                                     "missing value of tag", "reserved tag key"};
constexpr LineScanner::KeyRules LineScanner::kFieldKey{
    is_reserved_field, "missing field key", "missing value of field", "reserved field key"};

LineScanner::LineScanner(std::string_view text, ScanOptions options)
    : options_(options),
      end_(text.data() + text.size()),
      is_utf8_(find_invalid_utf8(text) == std::string_view::npos),
      breaks_(text) {}

void LineScanner::reset(const char* begin) {
  begin_ = begin;
  resume_ = begin;
  inner_lfs_ = 0;
  tag_keys_.clear();
  field_keys_.clear();
  patches_.clear();
  longest_field_key_ = 0;
  tags_ascend_ = true;
  has_time_ = false;
  tail_ = {};
}

bool LineScanner::series_fits(std::size_t added_bytes) const {
  return series_.size() + added_bytes + kFieldSeparatorBytes + longest_field_key_ <=
         kMaxSeriesBytes;
}

bool LineScanner::at_line_end(const char* at) const {
  if (at == end_ || *at == '\n') {
    return true;
  }
  return *at == '\r' && (at + 1 == end_ || at[1] == '\n');
}

const char* LineScanner::skip_spaces(const char* at) const {
  while (is_at(at, ' ')) {
    ++at;
  }
  return at;
}

std::string_view LineScanner::token_at(const char* from) const {
  const char* to = from;
  while (to != end_ && *to != ',' && *to != ' ' && *to != '\n') {
    ++to;
  }
  if (to != from && to[-1] == '\r' && (to == end_ || *to == '\n')) {
    --to;
  }
  return between(from, to);
}

const char* LineScanner::fail(const char* at, std::string_view what, std::string_view token) {
  what_ = what;
  token_ = token;
  resume_ = at;
  return nullptr;
}

// `at` is at a byte that need not end the name.
const char* LineScanner::scan_odd_name(const char* at, NameKind kind) {
  for (; at != end_; at = breaks_.find(at)) {
    switch (name_byte(*at)) {
      case NameByte::kEquals:
        if (kind == NameKind::kKey) {
          return at;
        }
        ++at;
        break;
      case NameByte::kBackslash:
        at = scan_backslashes(at, kind);
        if (at == nullptr) {
          return nullptr;
        }
        break;
      case NameByte::kControl:
        return at_line_end(at) ? at : fail(at, "control character at", token_at(at));
      default:
        return at;
    }
  }
  return at;
}

// InfluxDB 1.x takes a separator for escaped when a backslash stands before it, InfluxDB 3 pairs
// the backslashes: only after an odd number of them both see the same line.
const char* LineScanner::scan_backslashes(const char* at, NameKind kind) {
  const char* first = at;
  while (is_at(at, '\\')) {
    ++at;
  }
  if (at_line_end(at)) {
    return fail(at, "line ends in a backslash");
  }
  const NameByte next = name_byte(*at);
  const bool escapes =
      next == NameByte::kSeparator || (next == NameByte::kEquals && kind == NameKind::kKey);
  if (!escapes) {
    return at;
  }
  if ((at - first) % 2 == 0) {
    return fail(at, "ambiguous backslashes", between(first, at + 1));
  }
  return at + 1;
}

// `at` is at the opening quote.
const char* LineScanner::scan_string(const char* at) {
  const char* opening = at;
  const char* closing = opening;
  do {
    closing = static_cast<const char*>(
        std::memchr(closing + 1, '"', static_cast<std::size_t>(end_ - closing - 1)));
    if (closing == nullptr) {
      return fail(at, "unterminated string", token_at(opening));
    }
    const char* backslash = closing;
    while (backslash[-1] == '\\') {
      --backslash;
    }
    if ((closing - backslash) % 2 == 0) {
      break;
    }
  } while (true);

  const std::size_t lfs = static_cast<std::size_t>(std::count(opening, closing, '\n'));
  at = closing + 1;
  if (!at_line_end(at) && *at != ',' && *at != ' ') {
    const bool ran_on = lfs > 0;  // the quote that closed it belongs to a later line
    return fail(ran_on ? opening : at, ran_on ? "unterminated string" : "text behind a string",
                token_at(ran_on ? opening : at));
  }
  inner_lfs_ += lfs;
  return check_string(opening + 1, closing) ? at : nullptr;
}

bool LineScanner::check_number(std::string_view token, char& type) {
  const Number number = parse_number(token);
  switch (number.kind) {
    case NumberKind::kInvalid:
      fail(token.data(), number.out_of_range ? "number out of range" : "invalid number", token);
      return false;
    case NumberKind::kFloat:
      type = 'f';
      if (number.bare_point) {
        if (options_.final_form) {
          fail(token.data(), "invalid number", token);
          return false;
        }
        patch_float(token);
      }
      return true;
    case NumberKind::kInteger:
      type = 'i';
      return true;
    case NumberKind::kUnsigned:
      break;
  }
  type = options_.keep_unsigned ? 'u' : 'i';
  if (!options_.keep_unsigned) {
    constexpr std::uint64_t kMaxInteger = std::numeric_limits<std::int64_t>::max();
    const char* token_end = token.data() + token.size();
    if (number.unsigned_value > kMaxInteger) {
      patches_.push_back({token.data(), token_end, "9223372036854775807i"});
    } else {
      patches_.push_back({token_end - 1, token_end, "i"});
    }
  }
  return true;
}

// `.5` becomes `0.5`, `5.` becomes `5`.
void LineScanner::patch_float(std::string_view token) {
  const char* point = token.data() + token.find('.');
  const char* begin = token.data() + (token.front() == '-' ? 1 : 0);
  if (point == begin) {
    patches_.push_back({point, point, "0"});
  } else {
    patches_.push_back({point, point + 1, ""});
  }
}

// Stops at an unescaped separator or at the end of the line.
[[gnu::always_inline]] inline const char* LineScanner::scan_name(const char* at, NameKind kind) {
  at = breaks_.find(at);
  const bool is_end =
      at == end_ || *at == ',' || *at == ' ' || (*at == '=' && kind == NameKind::kKey);
  return is_end ? at : scan_odd_name(at, kind);
}

// Up to where the value begins.
[[gnu::always_inline]] inline const char* LineScanner::scan_key(const char* at,
                                                                const KeyRules& rules,
                                                                std::string_view& name) {
  const char* key = at;
  at = scan_name(at, NameKind::kKey);
  if (at == nullptr) {
    return nullptr;
  }
  name = between(key, at);
  if (name.empty()) {
    return fail(at, rules.no_key);
  }
  if (!is_at(at, '=')) {
    return fail(at, rules.no_value, name);
  }
  return rules.is_reserved(name) ? fail(at, rules.reserved, name) : at + 1;
}

[[gnu::always_inline]] inline const char* LineScanner::scan_tag(const char* at) {
  std::string_view name;
  const char* value = scan_key(at, kTagKey, name);
  if (value == nullptr) {
    return nullptr;
  }
  at = scan_name(value, NameKind::kKey);
  if (at == nullptr) {
    return nullptr;
  }
  if (is_at(at, '=')) {
    return fail(at, "unescaped = in the value of tag", name);
  }
  if (at == value) {
    return fail(at, kTagKey.no_value, name);
  }
  tags_ascend_ = tags_ascend_ && (tag_keys_.empty() || tag_keys_.back() < name);
  tag_keys_.add(name);
  return at;
}

[[gnu::always_inline]] inline const char* LineScanner::scan_series(const char* at) {
  if (is_at(at, '#')) {
    return fail(at, "a comment, not a point");
  }
  at = scan_name(at, NameKind::kMeasurement);
  if (at == begin_) {
    return fail(at, "missing measurement");
  }
  while (at != nullptr && is_at(at, ',')) {
    at = scan_tag(at + 1);
  }
  if (at == nullptr) {
    return nullptr;
  }
  series_ = between(begin_, at);
  at = skip_spaces(at);
  return at_line_end(at) ? fail(at, "missing fields") : at;
}

// Most numbers are a few digits, perhaps with a fraction, and need no more than this look: nothing
// of so few digits is out of range. False for all others, good or bad.
[[gnu::always_inline]] inline bool LineScanner::is_short_number(const char* from, const char* to,
                                                                char& type) const {
  const auto size = static_cast<std::size_t>(to - from);
  if (size == 0 || size > sizeof(Sixteen) || end_ - from < std::ptrdiff_t{sizeof(Sixteen)} ||
      !(is_at(to, ',') || is_at(to, ' ') || is_at(to, '\n'))) {
    return false;
  }
  const std::size_t sign = *from == '-' ? 1 : 0;
  const std::uint32_t others =
      no_digits(from) & ((std::uint32_t{1} << size) - 1) & ~static_cast<std::uint32_t>(sign);
  if (others == 0) {
    type = 'f';
    return size > sign;
  }
  const auto at = static_cast<std::size_t>(std::countr_zero(others));
  if ((others & (others - 1)) != 0 || at == sign) {
    return false;
  }
  type = at + 1 == size ? 'i' : 'f';
  return from[at] == (type == 'i' ? 'i' : '.');
}

// Numbers and booleans.
[[gnu::always_inline]] inline const char* LineScanner::scan_scalar(const char* at, char& type) {
  const char* to = breaks_.find(at);
  if (is_short_number(at, to, type)) {
    return to;
  }
  const std::string_view token = token_at(at);
  const char first = token.front();
  if (is_digit(first) || first == '-' || first == '.') {
    return check_number(token, type) ? at + token.size() : nullptr;
  }
  if (std::find(kBooleans.begin(), kBooleans.end(), token) == kBooleans.end()) {
    return fail(at, "invalid value", token);
  }
  type = 'b';
  return at + token.size();
}

[[gnu::always_inline]] inline const char* LineScanner::scan_field(const char* at) {
  std::string_view name;
  at = scan_key(at, kFieldKey, name);
  if (at == nullptr) {
    return nullptr;
  }
  if (at_line_end(at) || *at == ',' || *at == ' ') {
    return fail(at, kFieldKey.no_value, name);
  }
  char type = 's';
  at = *at == '"' ? scan_string(at) : scan_scalar(at, type);
  if (at != nullptr) {
    field_keys_.add({name, type});
    longest_field_key_ = std::max(longest_field_key_, name.size());
  }
  return at;
}

[[gnu::always_inline]] inline const char* LineScanner::scan_fields(const char* at) {
  const char* first = at;
  at = scan_field(at);
  while (at != nullptr && is_at(at, ',')) {
    at = scan_field(at + 1);
  }
  if (at != nullptr) {
    fields_ = between(first, at);
  }
  return at;
}

[[gnu::always_inline]] inline const char* LineScanner::scan_time(const char* at) {
  const char* fields_end = at;
  at = skip_spaces(at);
  if (at_line_end(at)) {
    return at;
  }
  const std::string_view token = between(at, breaks_.find(at));
  bool out_of_range = false;
  const std::optional<std::int64_t> ticks = parse_integer(token, out_of_range);
  at += token.size();
  if (!ticks || (!at_line_end(at) && *at != ' ')) {
    return fail(at, out_of_range ? "timestamp out of range" : "invalid timestamp",
                token_at(token.data()));
  }
  ticks_ = *ticks;
  has_time_ = true;
  const char* series_end = series_.data() + series_.size();
  if (fields_.data() == series_end + 1 && token.data() == fields_end + 1 && patches_.empty()) {
    tail_ = between(series_end, at);
  }
  at = skip_spaces(at);
  return at_line_end(at) ? at : fail(at, "text behind the timestamp", token_at(at));
}

bool LineScanner::scan(const char* begin) {
  reset(begin);
  const char* at = scan_series(begin);
  if (at != nullptr) at = scan_fields(at);
  if (at != nullptr) at = scan_time(at);
  if (at == nullptr) return false;
  resume_ = at;
  if (!series_fits(0)) at = fail(at, kSeriesTooLong);
  return at != nullptr && check_keys(at) && (is_utf8_ || check_utf8(at));
}

}  // namespace holdfast::line
