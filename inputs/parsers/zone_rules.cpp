// Zone files (RFC 8536): a list of transitions, and behind it a rule in the form of POSIX TZ.
#include "inputs/parsers/zone_rules.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <iterator>

#include "agent/base/time_zone.h"

namespace holdfast::parsers {
namespace {

constexpr std::int64_t kDayS = 86400;
constexpr std::int64_t kHourS = 3600;
constexpr std::size_t kHeaderBytes = 44;

std::string read_bounded(const std::string& path) {
  constexpr std::size_t kMaxBytes = std::size_t{256} * 1024;
  std::ifstream in(path, std::ios::binary);
  std::string text(kMaxBytes, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(in.gcount()));
  return text;
}

std::string path_of(const std::string& name) {
  if (name != "Local" && name != "local") return "/usr/share/zoneinfo/" + name;
  const char* zone = std::getenv("TZ");  // NOLINT(concurrency-mt-unsafe): set before threads
  std::string local = zone == nullptr ? "" : zone;
  if (local.starts_with(':')) local.erase(0, 1);
  if (local.empty()) return "/etc/localtime";
  return local.starts_with('/') ? local : "/usr/share/zoneinfo/" + local;
}

int year_of(std::int64_t local_s) {
  const auto day = std::chrono::floor<std::chrono::days>(
      std::chrono::sys_seconds(std::chrono::seconds(local_s)));
  return static_cast<int>(std::chrono::year_month_day(day).year());
}

std::int64_t days_of(std::chrono::sys_days day) { return day.time_since_epoch().count(); }

}  // namespace

// Big-endian numbers one after the other; past the end they are 0 and good() is false.
class ZoneRules::FileReader {
 public:
  explicit FileReader(std::string_view bytes) : rest_(bytes) {}

  std::int64_t number(std::size_t size) {
    const std::string_view bytes = skip(size);
    if (bytes.empty()) return 0;
    // The sign of the first byte is that of the number.
    std::int64_t value = static_cast<signed char>(bytes.front());
    for (const char byte : bytes.substr(1)) {
      value = static_cast<std::int64_t>(static_cast<std::uint64_t>(value) << 8U |
                                        static_cast<unsigned char>(byte));
    }
    return value;
  }
  std::string_view skip(std::size_t size) {
    good_ = good_ && size <= rest_.size();
    if (!good_) return {};
    const std::string_view bytes = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return bytes;
  }
  [[nodiscard]] bool good() const { return good_; }
  [[nodiscard]] std::string_view rest() const { return rest_; }

  struct Counts {
    std::size_t ut = 0, standard = 0, leap = 0, times = 0, types = 0, characters = 0;

    // Of the block that follows, with times of so many bytes.
    [[nodiscard]] std::size_t bytes(std::size_t time) const {
      return times * (time + 1) + types * 6 + characters + leap * (time + 4) + standard + ut;
    }
  };
  Counts header() {
    const bool magic = skip(4) == "TZif";
    skip(16);
    const auto count = [&] { return static_cast<std::size_t>(number(4) & 0xFFFF); };
    Counts counts;
    counts.ut = count();
    counts.standard = count();
    counts.leap = count();
    counts.times = count();
    counts.types = count();
    counts.characters = count();
    good_ = good_ && magic && counts.types > 0;
    return counts;
  }

 private:
  std::string_view rest_;
  bool good_ = true;
};

// "CET-1CEST,M3.5.0,M10.5.0/3"
class ZoneRules::RuleReader {
 public:
  explicit RuleReader(std::string_view text) : rest_(text) {}

  std::optional<Yearly> read() {
    Yearly rule;
    if (!name() || !offset(rule.standard)) return std::nullopt;
    if (rest_.empty()) return rule;
    rule.summer = rule.standard + kHourS;
    if (!name()) return std::nullopt;
    if (!rest_.starts_with(',') && !offset(rule.summer)) return std::nullopt;
    rule.to_summer = change();
    rule.to_standard = change();
    const bool whole = rule.to_summer && rule.to_standard && rest_.empty();
    return whole ? std::optional(rule) : std::nullopt;
  }

 private:
  bool take(char c) {
    if (!rest_.starts_with(c)) return false;
    rest_.remove_prefix(1);
    return true;
  }
  bool name() {
    const bool quoted = take('<');
    const std::size_t size =
        quoted ? rest_.find('>') : std::min(rest_.find_first_of("+-,0123456789"), rest_.size());
    if (size == std::string_view::npos || size < 3) return false;
    rest_.remove_prefix(size + (quoted ? 1 : 0));
    return true;
  }
  bool number(int& out) {
    const auto [end, error] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), out);
    rest_.remove_prefix(static_cast<std::size_t>(end - rest_.data()));
    return error == std::errc{} && out >= 0 && out <= 366;
  }
  // [+-]h[:m[:s]]
  bool clock(std::int64_t& seconds) {
    const bool negative = take('-');
    if (!negative) take('+');
    std::int64_t unit = kHourS;
    std::int64_t sum = 0;
    do {
      int part = 0;
      if (!number(part)) return false;
      sum += part * unit;
      unit /= 60;
    } while (unit > 0 && take(':'));
    seconds = negative ? -sum : sum;
    return true;
  }
  // POSIX counts west of Greenwich.
  bool offset(std::int64_t& seconds) {
    if (!clock(seconds)) return false;
    seconds = -seconds;
    return true;
  }
  std::optional<Change> change() {
    Change change;
    change.time_s = 2 * kHourS;
    if (!take(',')) return std::nullopt;
    if (take('M')) {
      const bool good = number(change.month) && take('.') && number(change.week) && take('.') &&
                        number(change.day);
      if (!good || change.month < 1 || change.month > 12 || change.week < 1 || change.week > 5 ||
          change.day > 6) {
        return std::nullopt;
      }
    } else {
      change.kind = take('J') ? 'J' : '0';
      if (!number(change.day)) return std::nullopt;
    }
    if (take('/') && !clock(change.time_s)) return std::nullopt;
    return change;
  }

  std::string_view rest_;
};

base::Result<ZoneRules> ZoneRules::load(const std::string& name) {
  if (name.empty() || name == "UTC") return ZoneRules();
  if (!base::is_time_zone(name)) {
    return base::fail(base::ErrorCode::kInvalid, "no such time zone: {}", name);
  }
  auto rules = parse(read_bounded(path_of(name)));
  if (!rules) {
    return base::fail(base::ErrorCode::kInvalid, "{}: {}", path_of(name), rules.error().message);
  }
  return rules;
}

base::Result<ZoneRules> ZoneRules::parse(std::string_view file) {
  FileReader in(file);
  const bool wide = file.size() > kHeaderBytes && file[4] >= '2';
  auto counts = in.header();
  if (wide) {  // the block with times of four bytes is for old readers
    in.skip(counts.bytes(4));
    counts = in.header();
  }
  const std::size_t time_bytes = wide ? 8 : 4;
  ZoneRules rules;
  if (in.good() && counts.bytes(time_bytes) <= in.rest().size()) {
    for (std::size_t i = 0; i < counts.times; ++i) {
      rules.transitions_.push_back({in.number(time_bytes), 0});
    }
    const std::string_view types = in.skip(counts.times);
    std::vector<std::int64_t> offsets;
    for (std::size_t i = 0; i < counts.types; ++i) {
      offsets.push_back(in.number(4));
      in.skip(2);
    }
    rules.first_offset_ = offsets.front();
    bool known = true;
    for (std::size_t i = 0; i < counts.times; ++i) {
      const auto type = static_cast<unsigned char>(types[i]);
      known = known && type < offsets.size();
      if (known) rules.transitions_[i].offset = offsets[type];
    }
    in.skip(counts.bytes(time_bytes) - counts.times * (time_bytes + 1) - counts.types * 6);
    const std::string_view footer = in.rest();
    if (footer.starts_with('\n')) {
      rules.yearly_ = RuleReader(footer.substr(1, footer.find('\n', 1) - 1)).read();
    }
    if (known && in.good()) return rules;
  }
  return base::fail(base::ErrorCode::kInvalid, "it is not a zone file");
}

std::int64_t ZoneRules::day_of(const Change& change, int year) {
  namespace chrono = std::chrono;
  const chrono::year_month_day new_year{chrono::year(year), chrono::January, chrono::day(1)};
  if (change.kind == '0') return days_of(new_year) + change.day;
  if (change.kind == 'J') {
    const bool leap = chrono::year(year).is_leap() && change.day >= 60;
    return days_of(new_year) + change.day - 1 + (leap ? 1 : 0);
  }
  const chrono::month month(static_cast<unsigned>(change.month));
  const chrono::weekday weekday(static_cast<unsigned>(change.day));
  if (change.week == 5) return days_of(chrono::year(year) / month / weekday[chrono::last]);
  return days_of(chrono::year(year) / month / weekday[static_cast<unsigned>(change.week)]);
}

std::int64_t ZoneRules::offset_of(const Yearly& rule, std::int64_t unix_s) {
  if (!rule.to_summer || !rule.to_standard) return rule.standard;
  const int year = year_of(unix_s + rule.standard);
  const std::int64_t begin =
      day_of(*rule.to_summer, year) * kDayS + rule.to_summer->time_s - rule.standard;
  const std::int64_t end =
      day_of(*rule.to_standard, year) * kDayS + rule.to_standard->time_s - rule.summer;
  // South of the equator the summer lasts over the new year.
  const bool summer =
      begin < end ? unix_s >= begin && unix_s < end : unix_s >= begin || unix_s < end;
  return summer ? rule.summer : rule.standard;
}

std::int64_t ZoneRules::offset_at(std::int64_t unix_s) const {
  const auto after =
      std::upper_bound(transitions_.begin(), transitions_.end(), unix_s,
                       [](std::int64_t time, const Transition& one) { return time < one.at; });
  if (after == transitions_.end() && yearly_) return offset_of(*yearly_, unix_s);
  return after == transitions_.begin() ? first_offset_ : std::prev(after)->offset;
}

std::int64_t ZoneRules::to_unix(std::int64_t local_s) const {
  const std::int64_t guess = local_s - offset_at(local_s);
  return local_s - offset_at(guess);
}

}  // namespace holdfast::parsers
