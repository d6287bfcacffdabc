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

void LineScanner::reset(const char* begin, const char* end) {
  begin_ = begin;
  end_ = end;
  at_ = begin;
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

bool LineScanner::scan(const char* begin, const char* end) {
  reset(begin, end);
  if (!scan_series() || !scan_fields() || !scan_time()) {
    return false;
  }
  resume_ = at_;
  if (!series_fits(0)) {
    return fail(kSeriesTooLong);
  }
  return check_keys() && check_utf8();
}

bool LineScanner::series_fits(std::size_t added_bytes) const {
  return series_.size() + added_bytes + kFieldSeparatorBytes + longest_field_key_ <=
         kMaxSeriesBytes;
}

bool LineScanner::at_line_end() const {
  if (at_ == end_ || *at_ == '\n') {
    return true;
  }
  return *at_ == '\r' && (at_ + 1 == end_ || at_[1] == '\n');
}

void LineScanner::skip_spaces() {
  while (at_separator(' ')) {
    ++at_;
  }
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

const char* LineScanner::skip_digits(const char* from) const {
  while (from != end_ && is_digit(*from)) {
    ++from;
  }
  return from;
}

bool LineScanner::fail(std::string_view what, std::string_view token) {
  what_ = what;
  token_ = token;
  resume_ = at_;
  return false;
}

bool LineScanner::scan_series() {
  if (at_separator('#')) {
    return fail("a comment, not a point");
  }
  if (!scan_name(NameKind::kMeasurement)) {
    return false;
  }
  if (at_ == begin_) {
    return fail("missing measurement");
  }
  while (at_separator(',')) {
    ++at_;
    if (!scan_tag()) {
      return false;
    }
  }
  series_ = between(begin_, at_);
  skip_spaces();
  return at_line_end() ? fail("missing fields") : true;
}

bool LineScanner::scan_tag() {
  const char* key = at_;
  if (!scan_name(NameKind::kKey)) {
    return false;
  }
  const std::string_view name = between(key, at_);
  if (name.empty()) {
    return fail("missing tag key");
  }
  if (!at_separator('=')) {
    return fail("missing value of tag", name);
  }
  if (is_reserved_tag(name)) {
    return fail("reserved tag key", name);
  }
  const char* value = ++at_;
  if (!scan_name(NameKind::kKey)) {
    return false;
  }
  if (at_separator('=')) {
    return fail("unescaped = in the value of tag", name);
  }
  if (at_ == value) {
    return fail("missing value of tag", name);
  }
  tags_ascend_ = tags_ascend_ && (tag_keys_.empty() || tag_keys_.back() < name);
  tag_keys_.push_back(name);
  return true;
}

// Stops at an unescaped separator or at the end of the line.
bool LineScanner::scan_name(NameKind kind) {
  for (;;) {
    const char* at = at_;  // in registers: this loop sees half of all bytes
    const char* const end = end_;
    while (at != end && name_byte(*at) == NameByte::kPlain) {
      ++at;
    }
    at_ = at;
    if (at_ == end_) {
      return true;
    }
    switch (name_byte(*at_)) {
      case NameByte::kEquals:
        if (kind == NameKind::kKey) {
          return true;
        }
        ++at_;
        break;
      case NameByte::kBackslash:
        if (!scan_backslashes(kind)) {
          return false;
        }
        break;
      case NameByte::kControl:
        return at_line_end() ? true : fail("control character at", token_at(at_));
      default:
        return true;
    }
  }
}

// InfluxDB 1.x takes a separator for escaped when a backslash stands before it, InfluxDB 3 pairs
// the backslashes: only after an odd number of them both see the same line.
bool LineScanner::scan_backslashes(NameKind kind) {
  const char* first = at_;
  while (at_separator('\\')) {
    ++at_;
  }
  if (at_line_end()) {
    return fail("line ends in a backslash");
  }
  const NameByte next = name_byte(*at_);
  const bool escapes =
      next == NameByte::kSeparator || (next == NameByte::kEquals && kind == NameKind::kKey);
  if (!escapes) {
    return true;
  }
  if ((at_ - first) % 2 == 0) {
    return fail("ambiguous backslashes", between(first, at_ + 1));
  }
  ++at_;
  return true;
}

bool LineScanner::scan_fields() {
  const char* first = at_;
  for (;;) {
    if (!scan_field()) {
      return false;
    }
    if (!at_separator(',')) {
      break;
    }
    ++at_;
  }
  fields_ = between(first, at_);
  return true;
}

bool LineScanner::scan_field() {
  const char* key = at_;
  if (!scan_name(NameKind::kKey)) {
    return false;
  }
  const std::string_view name = between(key, at_);
  if (name.empty()) {
    return fail("missing field key");
  }
  if (!at_separator('=')) {
    return fail("missing value of field", name);
  }
  if (is_reserved_field(name)) {
    return fail("reserved field key", name);
  }
  ++at_;
  if (at_line_end() || *at_ == ',' || *at_ == ' ') {
    return fail("missing value of field", name);
  }
  char type = 's';
  if (*at_ == '"' ? !scan_string() : !scan_scalar(type)) {
    return false;
  }
  field_keys_.push_back({name, type});
  longest_field_key_ = std::max(longest_field_key_, name.size());
  return true;
}

// `at_` is at the opening quote.
bool LineScanner::scan_string() {
  const char* opening = at_;
  const char* closing = opening;
  do {
    closing = static_cast<const char*>(
        std::memchr(closing + 1, '"', static_cast<std::size_t>(end_ - closing - 1)));
    if (closing == nullptr) {
      return fail("unterminated string", token_at(opening));
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
  at_ = closing + 1;
  if (!at_line_end() && *at_ != ',' && *at_ != ' ') {
    const bool ran_on = lfs > 0;  // the quote that closed it belongs to a later line
    at_ = ran_on ? opening : at_;
    return fail(ran_on ? "unterminated string" : "text behind a string",
                token_at(ran_on ? opening : closing + 1));
  }
  inner_lfs_ += lfs;
  return check_string(opening + 1, closing);
}

// Most numbers are a few digits, perhaps with a fraction, and need no more than this look: nothing
// of at most 18 whole digits is out of range. False, and nothing done, for all others.
bool LineScanner::scan_short_number(char& type) {
  constexpr std::ptrdiff_t kSafeDigits = 18;
  const char* digits = at_ + (*at_ == '-' ? 1 : 0);
  const char* to = skip_digits(digits);
  if (to == digits || to - digits > kSafeDigits || to == end_) {
    return false;
  }
  char found = 'f';
  if (*to == 'i') {
    found = 'i';
    ++to;
  } else if (*to == '.') {
    const char* fraction = to + 1;
    to = skip_digits(fraction);
    if (to == fraction) {
      return false;
    }
  }
  if (to == end_ || (*to != ',' && *to != ' ' && *to != '\n')) {
    return false;
  }
  type = found;
  at_ = to;
  return true;
}

// Numbers and booleans.
bool LineScanner::scan_scalar(char& type) {
  if (scan_short_number(type)) {
    return true;
  }
  const std::string_view token = token_at(at_);
  const char first = token.front();
  if (is_digit(first) || first == '-' || first == '.') {
    if (!scan_number(token, type)) {
      return false;
    }
  } else {
    if (std::find(kBooleans.begin(), kBooleans.end(), token) == kBooleans.end()) {
      return fail("invalid value", token);
    }
    type = 'b';
  }
  at_ += token.size();
  return true;
}

bool LineScanner::scan_number(std::string_view token, char& type) {
  const Number number = parse_number(token);
  switch (number.kind) {
    case NumberKind::kInvalid:
      return fail(number.out_of_range ? "number out of range" : "invalid number", token);
    case NumberKind::kFloat:
      type = 'f';
      if (number.bare_point) {
        if (options_.final_form) {
          return fail("invalid number", token);
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

bool LineScanner::scan_time() {
  const char* fields_end = at_;
  skip_spaces();
  if (at_line_end()) {
    return true;
  }
  const std::string_view token = between(at_, skip_digits(at_ + (*at_ == '-' ? 1 : 0)));
  bool out_of_range = false;
  const std::optional<std::int64_t> ticks = parse_integer(token, out_of_range);
  at_ += token.size();
  if (!ticks || (!at_line_end() && *at_ != ' ')) {
    return fail(out_of_range ? "timestamp out of range" : "invalid timestamp",
                token_at(token.data()));
  }
  ticks_ = *ticks;
  has_time_ = true;
  const char* series_end = series_.data() + series_.size();
  if (fields_.data() == series_end + 1 && token.data() == fields_end + 1 && patches_.empty()) {
    tail_ = between(series_end, at_);
  }
  skip_spaces();
  return at_line_end() ? true : fail("text behind the timestamp", token_at(at_));
}

}  // namespace holdfast::line
