// A text is read token by token of the layout, then what was read made a time.
#include "inputs/parsers/go_time.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <optional>
#include <utility>

namespace holdfast::parsers {
namespace {

constexpr std::int64_t kNsPerS = 1'000'000'000;
constexpr std::int64_t kDayS = 86400;
constexpr std::size_t kShownBytes = 60;

constexpr std::array<std::string_view, 12> kMonths = {
    "January", "February", "March",     "April",   "May",      "June",
    "July",    "August",   "September", "October", "November", "December"};
constexpr std::array<std::string_view, 7> kWeekdays = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                                       "Thursday", "Friday", "Saturday"};

bool is_digit(char c) { return c >= '0' && c <= '9'; }
char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool same_name(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](char x, char y) { return lower(x) == lower(y); });
}

tl::unexpected<base::Error> not_a_time(std::string_view text, std::string_view expected) {
  return base::fail(base::ErrorCode::kInvalid, "found `{}`, expected {}",
                    text.substr(0, kShownBytes), expected);
}

// seconds and nanoseconds as one number, if that is possible.
std::optional<std::int64_t> nanoseconds(std::int64_t seconds, std::int64_t ns) {
  std::int64_t whole = 0;
  if (__builtin_mul_overflow(seconds, kNsPerS, &whole)) return std::nullopt;
  if (__builtin_add_overflow(whole, ns, &whole)) return std::nullopt;
  return whole;
}

}  // namespace

struct TimeFormat::Fields {
  std::optional<int> year;
  int month = 1, day = 1, hour = 0, minute = 0, second = 0;
  std::optional<int> year_day;
  std::int64_t fraction_ns = 0;
  std::optional<bool> pm;
  std::optional<std::int64_t> offset_s;
  std::string zone_name;
};

// Reads what tokens stand for off the front of a text. Each function is false when it is not there.
class TimeFormat::Reader {
 public:
  explicit Reader(std::string_view text) : rest_(text) {}

  bool take(const Token& token, bool fraction_follows, Fields& out);
  [[nodiscard]] bool done() const { return rest_.empty(); }

 private:
  bool literal(std::string_view text);
  bool number(std::size_t least, std::size_t most, int& out);
  bool padded(std::size_t width, int& out);
  bool year(std::size_t digits, std::optional<int>& out);
  bool offset(std::string_view form, Fields& out);
  bool zone_name(Fields& out);
  bool half_of_day(bool upper, Fields& out);
  void fraction(std::size_t most, std::int64_t& out);
  [[nodiscard]] bool at_fraction() const {
    return rest_.size() > 1 && (rest_[0] == '.' || rest_[0] == ',') && is_digit(rest_[1]);
  }
  template <std::size_t kCount>
  bool name(const std::array<std::string_view, kCount>& names, bool whole, int& out) {
    for (std::size_t i = 0; i < kCount; ++i) {
      const std::string_view wanted = whole ? names[i] : names[i].substr(0, 3);
      if (!same_name(rest_.substr(0, wanted.size()), wanted)) continue;
      rest_.remove_prefix(wanted.size());
      out = static_cast<int>(i) + 1;
      return true;
    }
    return false;
  }

  std::string_view rest_;
};

// Runs of blanks stand for each other.
bool TimeFormat::Reader::literal(std::string_view text) {
  const auto skip_blanks = [](std::string_view& from) {
    from.remove_prefix(std::min(from.find_first_not_of(' '), from.size()));
  };
  while (!text.empty()) {
    if (text.front() == ' ') {
      if (!rest_.empty() && rest_.front() != ' ') return false;
      skip_blanks(text);
      skip_blanks(rest_);
      continue;
    }
    if (!rest_.starts_with(text.front())) return false;
    text.remove_prefix(1);
    rest_.remove_prefix(1);
  }
  return true;
}

bool TimeFormat::Reader::number(std::size_t least, std::size_t most, int& out) {
  std::size_t size = 0;
  int value = 0;
  while (size < most && size < rest_.size() && is_digit(rest_[size])) {
    value = value * 10 + (rest_[size++] - '0');
  }
  if (size < least) return false;
  rest_.remove_prefix(size);
  out = value;
  return true;
}

bool TimeFormat::Reader::padded(std::size_t width, int& out) {
  std::size_t blanks = 0;
  while (blanks + 1 < width && rest_.substr(blanks).starts_with(' ')) ++blanks;
  rest_.remove_prefix(blanks);
  return number(1, width - blanks, out);
}

bool TimeFormat::Reader::year(std::size_t digits, std::optional<int>& out) {
  int value = 0;
  if (!number(digits, digits, value)) return false;
  if (digits == 2) value += value >= 69 ? 1900 : 2000;
  out = value;
  return true;
}

// `form` is that of the layout: "Z07:00", "-0700", ...
bool TimeFormat::Reader::offset(std::string_view form, Fields& out) {
  out.offset_s = 0;
  if (form.front() == 'Z' && rest_.starts_with('Z')) {
    rest_.remove_prefix(1);
    return true;
  }
  const bool west = rest_.starts_with('-');
  if (!west && !rest_.starts_with('+')) return false;
  rest_.remove_prefix(1);
  const bool colons = form.find(':') != std::string_view::npos;
  std::int64_t unit = 3600;
  const auto parts = (form.size() - 1 + (colons ? 1 : 0)) / (colons ? 3 : 2);
  for (std::size_t i = 0; i < parts; ++i, unit /= 60) {
    int part = 0;
    if (i > 0 && colons && !literal(":")) return false;
    if (!number(2, 2, part) || part >= (i == 0 ? 25 : 60)) return false;
    *out.offset_s += part * unit;
  }
  if (west) *out.offset_s = -*out.offset_s;
  return true;
}

// "CET", "UTC", or where there is no abbreviation "+03".
bool TimeFormat::Reader::zone_name(Fields& out) {
  if (rest_.starts_with('+') || rest_.starts_with('-')) return offset("-07", out);
  std::size_t size = 0;
  while (size < rest_.size() && rest_[size] >= 'A' && rest_[size] <= 'Z') ++size;
  if (size < 3 || size > 5) return false;
  out.zone_name = rest_.substr(0, size);
  rest_.remove_prefix(size);
  return true;
}

bool TimeFormat::Reader::half_of_day(bool upper, Fields& out) {
  const std::string_view word = rest_.substr(0, 2);
  if (word != (upper ? "PM" : "pm") && word != (upper ? "AM" : "am")) return false;
  out.pm = lower(word.front()) == 'p';
  rest_.remove_prefix(2);
  return true;
}

// Behind a digit that stands after the point; digits beyond nanoseconds are read over.
void TimeFormat::Reader::fraction(std::size_t most, std::int64_t& out) {
  rest_.remove_prefix(1);
  std::int64_t unit = kNsPerS / 10;
  out = 0;
  for (std::size_t i = 0; i < most && !rest_.empty() && is_digit(rest_.front()); ++i, unit /= 10) {
    out += (rest_.front() - '0') * unit;
    rest_.remove_prefix(1);
  }
}

bool TimeFormat::Reader::take(const Token& token, bool fraction_follows, Fields& out) {
  constexpr std::size_t kAll = std::string_view::npos;
  int ignored = 0;
  switch (token.kind) {
    case Kind::kLiteral:
      return literal(token.text);
    case Kind::kLongMonth:
      return name(kMonths, true, out.month);
    case Kind::kShortMonth:
      return name(kMonths, false, out.month);
    case Kind::kMonth:
      return number(1, 2, out.month);
    case Kind::kMonth2:
      return number(2, 2, out.month);
    case Kind::kLongWeekday:
      return name(kWeekdays, true, ignored);
    case Kind::kShortWeekday:
      return name(kWeekdays, false, ignored);
    case Kind::kDay:
      return number(1, 2, out.day);
    case Kind::kDayPadded:
      return padded(2, out.day);
    case Kind::kDay2:
      return number(2, 2, out.day);
    case Kind::kYearDayPadded:
      return padded(3, out.year_day.emplace());
    case Kind::kYearDay3:
      return number(3, 3, out.year_day.emplace());
    case Kind::kHour:
      return number(1, 2, out.hour);
    case Kind::kHour12:
      return number(1, 2, out.hour) && out.hour <= 12;
    case Kind::kHour12Two:
      return number(2, 2, out.hour) && out.hour <= 12;
    case Kind::kMinute:
      return number(1, 2, out.minute);
    case Kind::kMinute2:
      return number(2, 2, out.minute);
    case Kind::kSecond:
    case Kind::kSecond2:
      if (!number(token.kind == Kind::kSecond ? 1 : 2, 2, out.second)) return false;
      // As Go has it: a fraction may stand there although the layout has none.
      if (!fraction_follows && at_fraction()) fraction(kAll, out.fraction_ns);
      return true;
    case Kind::kYear4:
      return year(4, out.year);
    case Kind::kYear2:
      return year(2, out.year);
    case Kind::kUpperPm:
      return half_of_day(true, out);
    case Kind::kLowerPm:
      return half_of_day(false, out);
    case Kind::kZoneName:
      return zone_name(out);
    case Kind::kOffset:
      return offset(token.text, out);
    case Kind::kFraction: {
      const std::size_t before = rest_.size();
      if (!at_fraction()) return false;
      fraction(token.digits, out.fraction_ns);
      return before - rest_.size() == token.digits + 1;
    }
    case Kind::kFractionOpen:
      if (at_fraction()) fraction(kAll, out.fraction_ns);
      return true;
  }
  return false;
}

base::Result<std::int64_t> TimeFormat::parse(std::string_view text, std::int64_t now_ns) {
  if (unix_unit_ != 0) return parse_unix(text);
  Fields fields;
  Reader reader(text);
  for (std::size_t i = 0; i < layout_.size(); ++i) {
    const bool fraction_follows =
        i + 1 < layout_.size() &&
        (layout_[i + 1].kind == Kind::kFraction || layout_[i + 1].kind == Kind::kFractionOpen);
    if (!reader.take(layout_[i], fraction_follows, fields)) {
      return not_a_time(text, "a time with `" + layout_[i].text + "` of the format");
    }
  }
  if (!reader.done()) return not_a_time(text, "a time that ends where the format does");
  auto time = time_of(fields, now_ns);
  if (!time) return not_a_time(text, time.error().message);
  return time;
}

// Digits, perhaps with a fraction of the unit; what is below a nanosecond is left out.
base::Result<std::int64_t> TimeFormat::parse_unix(std::string_view text) const {
  const auto wrong = [&] { return not_a_time(text, "a number of units since 1970"); };
  std::string_view rest = text;
  const bool negative = rest.starts_with('-');
  if (negative || rest.starts_with('+')) rest.remove_prefix(1);
  std::size_t digits = 0;
  std::int64_t whole = 0;
  for (; !rest.empty() && is_digit(rest.front()); ++digits, rest.remove_prefix(1)) {
    if (__builtin_mul_overflow(whole, 10, &whole) ||
        __builtin_add_overflow(whole, rest.front() - '0', &whole)) {
      return wrong();
    }
  }
  if (digits == 0 || __builtin_mul_overflow(whole, unix_unit_, &whole)) return wrong();
  if (!rest.empty() && (rest.front() == '.' || rest.front() == ',')) {
    rest.remove_prefix(1);
    for (std::int64_t unit = unix_unit_ / 10; !rest.empty() && is_digit(rest.front()); unit /= 10) {
      if (__builtin_add_overflow(whole, (rest.front() - '0') * unit, &whole)) return wrong();
      rest.remove_prefix(1);
    }
  }
  if (!rest.empty()) return wrong();
  return negative ? -whole : whole;
}

// Null if there is none of this name.
const ZoneRules* TimeFormat::zone_named(const std::string& name) {
  if (name != last_zone_name_) {
    auto rules = ZoneRules::load(name);
    if (!rules) return nullptr;
    last_zone_name_ = name;
    last_zone_ = std::move(*rules);
  }
  return &last_zone_;
}

// The message of an error is what was expected.
base::Result<std::int64_t> TimeFormat::time_of(const Fields& fields, std::int64_t now_ns) {
  namespace chrono = std::chrono;
  const auto wrong = [](std::string_view expected) {
    return base::fail(base::ErrorCode::kInvalid, "{}", expected);
  };
  int hour = fields.hour;
  if (fields.pm && *fields.pm && hour < 12) hour += 12;
  if (fields.pm && !*fields.pm && hour == 12) hour = 0;
  if (hour > 23 || fields.minute > 59 || fields.second > 59) return wrong("a time of the day");
  const chrono::sys_days today = chrono::floor<chrono::days>(
      chrono::sys_time<chrono::nanoseconds>(chrono::nanoseconds(now_ns)));
  const chrono::year year(fields.year ? *fields.year
                                      : static_cast<int>(chrono::year_month_day(today).year()));
  chrono::year_month_day date(year, chrono::month(static_cast<unsigned>(fields.month)),
                              chrono::day(static_cast<unsigned>(fields.day)));
  if (fields.year_day) {
    const int days = year.is_leap() ? 366 : 365;
    if (*fields.year_day < 1 || *fields.year_day > days) return wrong("a day of the year");
    date = chrono::sys_days(year / 1 / 1) + chrono::days(*fields.year_day - 1);
  }
  if (!date.ok()) return wrong("a day of the calendar");
  const std::int64_t local = chrono::sys_days(date).time_since_epoch().count() * kDayS +
                             hour * 3600 + fields.minute * 60 + fields.second;
  std::int64_t unix_s = 0;
  if (fields.offset_s) {
    unix_s = local - *fields.offset_s;
  } else if (fields.zone_name.empty()) {
    unix_s = zone_.to_unix(local);
  } else {
    const ZoneRules* const named = zone_named(fields.zone_name);
    if (named == nullptr) return wrong("an abbreviation that is a zone of this system");
    unix_s = named->to_unix(local);
  }
  const auto ns = nanoseconds(unix_s, fields.fraction_ns);
  if (!ns) return wrong("a time from 1678 to 2261");
  return *ns;
}

}  // namespace holdfast::parsers
