// A format is cut into tokens.
#include <algorithm>
#include <array>
#include <utility>

#include "inputs/parsers/go_time.h"

namespace holdfast::parsers {
namespace {

constexpr std::int64_t kNsPerS = 1'000'000'000;

struct Named {
  std::string_view name;  // lower case
  std::string_view layout;
};
constexpr std::array kNamed = {
    Named{"ansic", "Mon Jan _2 15:04:05 2006"},
    Named{"unixdate", "Mon Jan _2 15:04:05 MST 2006"},
    Named{"rubydate", "Mon Jan 02 15:04:05 -0700 2006"},
    Named{"rfc822", "02 Jan 06 15:04 MST"},
    Named{"rfc822z", "02 Jan 06 15:04 -0700"},
    Named{"rfc850", "Monday, 02-Jan-06 15:04:05 MST"},
    Named{"rfc1123", "Mon, 02 Jan 2006 15:04:05 MST"},
    Named{"rfc1123z", "Mon, 02 Jan 2006 15:04:05 -0700"},
    Named{"rfc3339", "2006-01-02T15:04:05Z07:00"},
    Named{"rfc3339nano", "2006-01-02T15:04:05.999999999Z07:00"},
    Named{"stamp", "Jan _2 15:04:05"},
    Named{"stampmilli", "Jan _2 15:04:05.000"},
    Named{"stampmicro", "Jan _2 15:04:05.000000"},
    Named{"stampnano", "Jan _2 15:04:05.000000000"},
};

constexpr std::array<std::pair<std::string_view, std::int64_t>, 4> kUnixUnits = {
    {{"unix", kNsPerS}, {"unix_ms", 1'000'000}, {"unix_us", 1'000}, {"unix_ns", 1}}};

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// `name` is in lower case.
bool is_named(std::string_view format, std::string_view name) {
  return std::equal(format.begin(), format.end(), name.begin(), name.end(), [](char x, char y) {
    return (x >= 'A' && x <= 'Z' ? static_cast<char>(x - 'A' + 'a') : x) == y;
  });
}

}  // namespace

TimeFormat::Token TimeFormat::digit_token(std::string_view layout) {
  using Form = std::pair<std::string_view, Kind>;
  static constexpr std::array kForms = {
      Form{"2006", Kind::kYear4}, Form{"002", Kind::kYearDay3}, Form{"01", Kind::kMonth2},
      Form{"02", Kind::kDay2},    Form{"03", Kind::kHour12Two}, Form{"04", Kind::kMinute2},
      Form{"05", Kind::kSecond2}, Form{"06", Kind::kYear2},     Form{"15", Kind::kHour},
      Form{"1", Kind::kMonth},    Form{"2", Kind::kDay},        Form{"3", Kind::kHour12},
      Form{"4", Kind::kMinute},   Form{"5", Kind::kSecond},
  };
  for (const auto& [text, kind] : kForms) {
    if (layout.starts_with(text)) return {kind, std::string(text), 0};
  }
  return {};
}

TimeFormat::Token TimeFormat::offset_token(std::string_view layout) {
  static constexpr std::array<std::string_view, 5> kForms = {"07:00:00", "070000", "07:00", "0700",
                                                             "07"};
  if (!layout.starts_with('-') && !layout.starts_with('Z')) return {};
  for (const std::string_view form : kForms) {
    if (layout.substr(1).starts_with(form)) {
      return {Kind::kOffset, std::string(layout.substr(0, 1 + form.size())), 0};
    }
  }
  return {};
}

// What the layout begins with; a literal of no length if that is nothing of a time.
TimeFormat::Token TimeFormat::next_token(std::string_view layout) {
  using Form = std::pair<std::string_view, Kind>;
  static constexpr std::array kForms = {
      Form{"January", Kind::kLongMonth},  Form{"Jan", Kind::kShortMonth},
      Form{"Monday", Kind::kLongWeekday}, Form{"Mon", Kind::kShortWeekday},
      Form{"MST", Kind::kZoneName},       Form{"PM", Kind::kUpperPm},
      Form{"pm", Kind::kLowerPm},         Form{"__2", Kind::kYearDayPadded},
  };
  for (const auto& [text, kind] : kForms) {
    if (!layout.starts_with(text)) continue;
    const bool part_of_word = (text == "Jan" || text == "Mon") && layout.size() > 3 &&
                              layout[3] >= 'a' && layout[3] <= 'z';
    if (!part_of_word) return {kind, std::string(text), 0};
  }
  if (layout.starts_with("_2") && !layout.starts_with("_2006")) return {Kind::kDayPadded, "_2", 0};
  if (is_digit(layout.front())) return digit_token(layout);
  if (layout.front() == '.' || layout.front() == ',') {
    const char digit = layout.size() > 1 ? layout[1] : '\0';
    if (digit != '0' && digit != '9') return {};
    const std::size_t end = std::min(layout.find_first_not_of(digit, 1), layout.size());
    if (end < layout.size() && is_digit(layout[end])) return {};
    return {digit == '0' ? Kind::kFraction : Kind::kFractionOpen,
            std::string(layout.substr(0, end)), end - 1};
  }
  return offset_token(layout);
}

base::Result<TimeFormat> TimeFormat::compile(std::string_view format, const std::string& zone) {
  TimeFormat out;
  auto rules = ZoneRules::load(zone);
  if (!rules) return tl::unexpected(rules.error());
  out.zone_ = std::move(*rules);
  for (const auto& [name, unit] : kUnixUnits) {
    if (format == name) out.unix_unit_ = unit;
  }
  if (out.unix_unit_ != 0) return out;
  for (const Named& named : kNamed) {
    if (is_named(format, named.name)) format = named.layout;
  }
  bool any = false;
  while (!format.empty()) {
    Token token = next_token(format);
    const std::size_t size = token.text.size();
    if (size > 0) {
      any = true;
      out.layout_.push_back(std::move(token));
    } else if (!out.layout_.empty() && out.layout_.back().kind == Kind::kLiteral) {
      out.layout_.back().text += format.front();
    } else {
      out.layout_.push_back({Kind::kLiteral, std::string(1, format.front()), 0});
    }
    format.remove_prefix(std::max<std::size_t>(size, 1));
  }
  if (!any) {
    return base::fail(base::ErrorCode::kInvalid,
                      "expected unix, unix_ms, unix_us, unix_ns, or a layout such as "
                      "\"2006-01-02T15:04:05Z07:00\"");
  }
  return out;
}

}  // namespace holdfast::parsers
