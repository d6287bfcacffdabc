// Names and sidecars of refused batches.
#include "outputs/rejected_batch.h"

#include <algorithm>
#include <charconv>
#include <chrono>

#include <fmt/core.h>

#include <nlohmann/json.hpp>

#include "agent/base/clock.h"
#include "outputs/text.h"

namespace holdfast::outputs {
namespace {

using Json = nlohmann::ordered_json;
namespace chrono = std::chrono;

constexpr std::size_t kTimeBytes = 26;  // yyyymmddThhmmss.nnnnnnnnnZ
constexpr std::size_t kMaxUrl = 2048;

std::string time_text(std::int64_t ns) {
  const base::WallTime time{base::Duration(ns)};
  const auto day = chrono::floor<chrono::days>(time);
  const chrono::year_month_day date(day);
  const chrono::hh_mm_ss clock(time - day);
  return fmt::format("{:04}{:02}{:02}T{:02}{:02}{:02}.{:09}Z", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                     clock.hours().count(), clock.minutes().count(), clock.seconds().count(),
                     clock.subseconds().count());
}

// Digits only; nothing else may stand there.
template <class Number>
std::optional<Number> number_of(std::string_view text) {
  Number value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<std::int64_t> parse_time(std::string_view text) {
  const auto year = number_of<int>(text.substr(0, 4));
  const auto month = number_of<unsigned>(text.substr(4, 2));
  const auto day = number_of<unsigned>(text.substr(6, 2));
  const auto hour = number_of<unsigned>(text.substr(9, 2));
  const auto minute = number_of<unsigned>(text.substr(11, 2));
  const auto second = number_of<unsigned>(text.substr(13, 2));
  const auto fraction = number_of<unsigned>(text.substr(16, 9));
  if (!year || !month || !day || !hour || !minute || !second || !fraction) return std::nullopt;
  // Years that 64 bits of nanoseconds can hold.
  if (*year < 1678 || *year > 2261) return std::nullopt;
  const chrono::year_month_day date{chrono::year(*year), chrono::month(*month), chrono::day(*day)};
  if (!date.ok()) return std::nullopt;
  const base::Duration time = chrono::sys_days(date).time_since_epoch() + chrono::hours(*hour) +
                              chrono::minutes(*minute) + chrono::seconds(*second) +
                              chrono::nanoseconds(*fraction);
  return time.count();
}

std::string text_member(const Json& object, const char* name, std::size_t max_bytes = kMaxMessage) {
  const auto found = object.find(name);
  if (found == object.end() || !found->is_string()) return {};
  return one_line(found->get_ref<const std::string&>(), max_bytes);
}

std::uint64_t number_member(const Json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_number_unsigned() ? found->get<std::uint64_t>() : 0;
}

bool flag_member(const Json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_boolean() && found->get<bool>();
}

}  // namespace

std::string RejectedName::id() const {
  return fmt::format("{}-{}-{}", time_text(time_ns), ordinal, percent_encode(reader));
}

std::optional<RejectedName> RejectedName::parse(std::string_view id) {
  if (id.size() < kTimeBytes + 3) return std::nullopt;
  const auto end_of_ordinal = id.find('-', kTimeBytes + 1);
  if (end_of_ordinal == std::string_view::npos) return std::nullopt;
  const auto time = parse_time(id);
  const auto ordinal =
      number_of<std::uint32_t>(id.substr(kTimeBytes + 1, end_of_ordinal - kTimeBytes - 1));
  if (!time || !ordinal) return std::nullopt;
  RejectedName name{*time, *ordinal, percent_decode(id.substr(end_of_ordinal + 1))};
  // One name, one text: also all that was not looked at above is as it should be.
  if (name.id() != id) return std::nullopt;
  return name;
}

std::string sidecar_text(const RejectedName& name, const RejectedInfo& info) {
  const base::WallTime time{base::Duration(name.time_ns)};
  const Json json = {
      {"time", base::format_utc(time, true)},
      {"status", info.status},
      {"reason", info.reason},
      {"url", info.url},
      {"output", info.output},
      {"reader", name.reader},
      {"points", info.points},
      {"bytes", info.bytes},
      {"may_be_stored", info.may_be_stored},
      {"retried_at", info.retried_at.empty() ? Json(nullptr) : Json(info.retried_at)}};
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

base::Result<RejectedInfo> parse_sidecar(std::string_view text) {
  const Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) return base::fail(base::ErrorCode::kCorrupt, "not a JSON object");
  RejectedInfo info;
  info.status = static_cast<int>(std::min<std::uint64_t>(number_member(json, "status"), 999));
  info.reason = text_member(json, "reason");
  info.url = text_member(json, "url", kMaxUrl);
  info.output = text_member(json, "output");
  info.points = number_member(json, "points");
  info.bytes = number_member(json, "bytes");
  info.may_be_stored = flag_member(json, "may_be_stored");
  info.retried_at = text_member(json, "retried_at");
  return info;
}

}  // namespace holdfast::outputs
