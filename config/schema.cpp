// Reading one option: type, bounds and choices, with a message that says what was found and what
// was expected. The value of a secret never enters a message.
#include "config/schema.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <utility>
#include <variant>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "config/secret.h"

namespace holdfast::config {
namespace {

using base::Duration;

constexpr std::string_view kDurationExample = R"(a duration such as "10s" or "1m30s")";
constexpr std::string_view kSizeExample = R"(a size such as "64MiB", or a number of bytes)";
constexpr std::string_view kListExample = R"(a list of strings such as ["a", "b"])";
constexpr std::string_view kTableOfListsExample =
    R"(a table of lists such as { key = ["a", "b"] })";
constexpr std::string_view kTableExample = R"(a table of strings such as { key = "value" })";

// "`interval` is "10 parsecs", expected ..."; kinds only for a secret.
void report(const Table::Entry& entry, const Value& value, const Rules& rules,
            Diagnostics& diagnostics, std::string_view expected, std::string_view suggestion = {}) {
  const std::string found = rules.secret ? std::string(value.kind()) : value.shown();
  const std::string_view part = &value == &entry.value ? "" : "an element of ";
  Diagnostic& item = diagnostics.error(
      value.where,
      fmt::format(
          "{}`{}` is {}, expected {}{}", part, entry.key, found, expected,
          suggestion.empty() ? std::string() : fmt::format("; did you mean `{}`?", suggestion)));
  item.found = found;
  item.expected = expected;
  item.suggestion = suggestion;
  item.shows_value = !rules.secret;
}

// "from 1s to 1h", "of at least 1s", "of at most 1h".
std::string bounds_text(const std::optional<std::string>& low,
                        const std::optional<std::string>& high) {
  if (low && high) return fmt::format("from {} to {}", *low, *high);
  return low ? fmt::format("of at least {}", *low) : fmt::format("of at most {}", *high);
}

template <class Show>
bool within_bounds(double amount, const Table::Entry& entry, const Rules& rules,
                   Diagnostics& diagnostics, std::string_view what, Show show) {
  const bool fits_max = !rules.max || amount <= *rules.max;
  const bool fits_min = !rules.min || amount >= *rules.min;
  if (fits_max && fits_min) return true;
  std::optional<std::string> low;
  std::optional<std::string> high;
  if (rules.min) low = show(*rules.min);
  if (rules.max) high = show(*rules.max);
  report(entry, entry.value, rules, diagnostics,
         fmt::format("{} {}", what, bounds_text(low, high)));
  return false;
}

std::string show_seconds(double seconds) {
  const auto duration = duration_from_seconds(seconds);
  return duration ? exact_duration(*duration) : fmt::format("{}s", seconds);
}

std::string show_count(double bytes) { return exact_bytes(static_cast<std::uint64_t>(bytes)); }

std::string show_number(double number) { return fmt::format("{}", number); }

bool allowed_text(const std::string& text, const Table::Entry& entry, const Value& value,
                  const Rules& rules, Diagnostics& diagnostics) {
  const auto& choices = rules.choices;
  if (choices.empty() || std::find(choices.begin(), choices.end(), text) != choices.end()) {
    return true;
  }
  std::vector<std::string> shown;
  shown.reserve(choices.size());
  for (const std::string_view choice : choices) shown.push_back(quoted(choice));
  const std::string one_of = choices.size() == 1 ? "" : "one of ";
  const std::string_view near = rules.secret ? std::string_view() : nearest_name(text, choices);
  report(entry, value, rules, diagnostics, fmt::format("{}{}", one_of, fmt::join(shown, ", ")),
         near);
  return false;
}

// The text itself, or what the file holds that a secret names. False when that fails.
bool take_text(std::string text, const Table::Entry& entry, const Value& value, const Rules& rules,
               Diagnostics& diagnostics, std::string& out) {
  if (rules.secret && refers_to_store(text)) {
    diagnostics.unsupported(
        value.where,
        fmt::format(
            "`{}` refers to a secret store, which is not supported; write \"@file:/path\" or "
            "\"@credential:name\"",
            entry.key));
    return false;
  }
  if (rules.secret) {
    auto secret = resolve_secret(text, process_environment());
    if (!secret) {
      diagnostics.error(value.where, fmt::format("`{}`: {}", entry.key, secret.error().message));
      return false;
    }
    text = std::move(*secret);
  }
  if (!allowed_text(text, entry, value, rules, diagnostics)) return false;
  out = std::move(text);
  return true;
}

// "an integer", with a hint when the value only has quotes too many.
std::string expected_number(const Value& value, std::string_view what) {
  const auto* text = std::get_if<std::string>(&value.data);
  const bool is_number =
      text != nullptr && !text->empty() && text->find_first_not_of("0123456789.") == text->npos;
  return fmt::format("{}{}", what, is_number ? ", without quotes" : "");
}

bool is_negative(const Value& value) {
  if (const auto* text = std::get_if<std::string>(&value.data)) return text->starts_with('-');
  if (const auto* integer = std::get_if<std::int64_t>(&value.data)) return *integer < 0;
  const double* number = std::get_if<double>(&value.data);
  return number != nullptr && *number < 0;
}

// "a duration such as ...", unless the value is one that cannot be used.
template <class T>
std::string expected_unit(const base::Result<T>& parsed, const Value& value,
                          std::string_view example) {
  if (parsed.error().code == base::ErrorCode::kTooLarge) return "a smaller number";
  return is_negative(value) ? fmt::format("zero or more: {}", example) : std::string(example);
}

// Lists under an old and the new name are joined, as Telegraf joins them; of other values the one
// under the new name wins.
void join_old(Table::Entry& entry, const Table::Entry& old, const Rules& rules,
              Diagnostics& diagnostics) {
  auto* list = std::get_if<Value::Array>(&entry.value.data);
  const auto* more = std::get_if<Value::Array>(&old.value.data);
  const bool joined = list != nullptr && more != nullptr;
  if (joined) list->insert(list->end(), more->begin(), more->end());
  Diagnostic& item = diagnostics.warning(
      old.where,
      joined ? fmt::format("`{}` is an old name of `{}`; both lists are used", old.key, entry.key)
             : fmt::format("`{}` is an old name of `{}`, which is given too; this one is "
                           "ignored",
                           old.key, entry.key));
  item.suggestion = entry.key;
  item.shows_value = !rules.secret;
}

}  // namespace

void read_value(const Table::Entry& entry, const Rules& rules, Diagnostics& diagnostics,
                bool& out) {
  const Value& value = entry.value;
  if (value.invalid) return;
  if (const bool* flag = std::get_if<bool>(&value.data)) {
    out = *flag;
    return;
  }
  // Telegraf takes the quoted words too, which its users write around environment variables.
  if (const auto* text = std::get_if<std::string>(&value.data)) {
    if (*text == "true" || *text == "false") {
      out = *text == "true";
      return;
    }
  }
  report(entry, value, rules, diagnostics, "true or false");
}

void read_value(const Table::Entry& entry, const Rules& rules, Diagnostics& diagnostics,
                std::int64_t& out) {
  const Value& value = entry.value;
  if (value.invalid) return;
  const auto* integer = std::get_if<std::int64_t>(&value.data);
  if (integer == nullptr) {
    report(entry, value, rules, diagnostics, expected_number(value, "an integer"));
    return;
  }
  if (within_bounds(static_cast<double>(*integer), entry, rules, diagnostics, "an integer",
                    show_number)) {
    out = *integer;
  }
}

void read_value(const Table::Entry& entry, const Rules& rules, Diagnostics& diagnostics,
                double& out) {
  const Value& value = entry.value;
  if (value.invalid) return;
  double number = 0;
  if (const double* real = std::get_if<double>(&value.data)) {
    number = *real;
  } else if (const auto* integer = std::get_if<std::int64_t>(&value.data)) {
    number = static_cast<double>(*integer);
  } else {
    report(entry, value, rules, diagnostics, expected_number(value, "a number"));
    return;
  }
  if (!std::isfinite(number)) {
    report(entry, value, rules, diagnostics, "a finite number");
    return;
  }
  if (within_bounds(number, entry, rules, diagnostics, "a number", show_number)) out = number;
}

void read_value(const Table::Entry& entry, const Rules& rules, Diagnostics& diagnostics,
                std::string& out) {
  const Value& value = entry.value;
  if (value.invalid) return;
  const auto* text = std::get_if<std::string>(&value.data);
  if (text == nullptr || value.date_time) {
    report(entry, value, rules, diagnostics, "a string");
    return;
  }
  (void)take_text(*text, entry, value, rules, diagnostics, out);
}

void read_value(const Table::Entry& entry, const Rules& rules, Diagnostics& diagnostics,
                Duration& out) {
  const Value& value = entry.value;
  if (value.invalid) return;
  base::Result<Duration> parsed = base::fail(base::ErrorCode::kInvalid, "no duration");
  if (const auto* text = std::get_if<std::string>(&value.data)) {
    parsed = parse_duration(*text);
  } else if (const auto* integer = std::get_if<std::int64_t>(&value.data)) {
    parsed = duration_from_seconds(static_cast<double>(*integer));
  } else if (const double* number = std::get_if<double>(&value.data)) {
    parsed = duration_from_seconds(*number);
  }
  if (!parsed) {
    report(entry, value, rules, diagnostics, expected_unit(parsed, value, kDurationExample));
    return;
  }
  const double seconds = std::chrono::duration<double>(*parsed).count();
  if (within_bounds(seconds, entry, rules, diagnostics, "a duration", show_seconds)) {
    out = *parsed;
  }
}

void read_value(const Table::Entry& entry, const Rules& rules, Diagnostics& diagnostics,
                Bytes& out) {
  const Value& value = entry.value;
  if (value.invalid) return;
  base::Result<Bytes> parsed = base::fail(base::ErrorCode::kInvalid, "no size");
  if (const auto* text = std::get_if<std::string>(&value.data)) {
    parsed = parse_bytes(*text);
  } else if (const auto* integer = std::get_if<std::int64_t>(&value.data);
             integer && *integer >= 0) {
    parsed = Bytes{static_cast<std::uint64_t>(*integer)};
  }
  if (!parsed) {
    report(entry, value, rules, diagnostics, expected_unit(parsed, value, kSizeExample));
    return;
  }
  if (within_bounds(static_cast<double>(parsed->count), entry, rules, diagnostics, "a size",
                    show_count)) {
    out = *parsed;
  }
}

void read_value(const Table::Entry& entry, const Rules& rules, Diagnostics& diagnostics,
                StringList& out) {
  if (entry.value.invalid) return;
  const auto* list = std::get_if<Value::Array>(&entry.value.data);
  if (list == nullptr) {
    report(entry, entry.value, rules, diagnostics, kListExample);
    return;
  }
  StringList read;
  bool good = true;
  for (const Value& value : *list) {
    if (value.invalid) {
      good = false;
      continue;
    }
    const auto* text = std::get_if<std::string>(&value.data);
    if (text == nullptr || value.date_time) {
      report(entry, value, rules, diagnostics, "a string");
      good = false;
    } else if (!take_text(*text, entry, value, rules, diagnostics, read.emplace_back())) {
      good = false;
    }
  }
  if (good) out = std::move(read);
}

void read_value(const Table::Entry& entry, const Rules& rules, Diagnostics& diagnostics,
                StringMap& out) {
  if (entry.value.invalid) return;
  const auto* table = std::get_if<std::shared_ptr<Table>>(&entry.value.data);
  if (table == nullptr) {
    report(entry, entry.value, rules, diagnostics, kTableExample);
    return;
  }
  StringMap read;
  bool good = true;
  for (const Table::Entry& item : (*table)->entries()) {
    if (item.value.invalid) {
      good = false;
      continue;
    }
    const auto* text = std::get_if<std::string>(&item.value.data);
    if (text == nullptr || item.value.date_time) {
      report(item, item.value, rules, diagnostics,
             fmt::format("a string, as all values of `{}`", entry.key));
      good = false;
    } else if (!take_text(*text, item, item.value, rules, diagnostics, read[item.key])) {
      good = false;
    }
  }
  if (good) out = std::move(read);
}

void read_value(const Table::Entry& entry, const Rules& rules, Diagnostics& diagnostics,
                StringListMap& out) {
  if (entry.value.invalid) return;
  const auto* table = std::get_if<std::shared_ptr<Table>>(&entry.value.data);
  if (table == nullptr) {
    report(entry, entry.value, rules, diagnostics, kTableOfListsExample);
    return;
  }
  out.clear();
  for (const Table::Entry& item : (*table)->entries()) {
    read_value(item, rules, diagnostics, out[item.key]);
  }
}

std::string show_value(bool value) { return value ? "true" : "false"; }

std::string show_value(std::int64_t value) { return fmt::format("{}", value); }

std::string show_value(double value) { return Value{value, {}}.shown(); }

std::string show_value(const std::string& value) { return quoted(value); }

std::string show_value(Duration value) { return quoted(exact_duration(value)); }

std::string show_value(Bytes value) { return quoted(exact_bytes(value.count)); }

std::string show_value(const StringList& value) {
  std::vector<std::string> items;
  for (const std::string& item : value) items.push_back(quoted(item));
  return fmt::format("[{}]", fmt::join(items, ", "));
}

std::string show_value(const StringMap& value) {
  std::vector<std::string> items;
  for (const auto& [key, text] : value)
    items.push_back(fmt::format("{} = {}", quoted(key), quoted(text)));
  return items.empty() ? "{}" : fmt::format("{{ {} }}", fmt::join(items, ", "));
}

std::string show_value(const StringListMap& value) {
  std::vector<std::string> items;
  for (const auto& [key, list] : value) {
    items.push_back(fmt::format("{} = {}", quoted(key), show_value(list)));
  }
  return items.empty() ? "{}" : fmt::format("{{ {} }}", fmt::join(items, ", "));
}

Table::Entry* take_option(Table& table, const OptionInfo& info, Diagnostics& diagnostics) {
  Table::Entry* entry = table.take(info.name);
  for (const std::string_view old_name : info.rules.old_names) {
    Table::Entry* old = table.take(old_name);
    if (old == nullptr) continue;
    if (entry != nullptr) {
      join_old(*entry, *old, info.rules, diagnostics);
      continue;
    }
    Diagnostic& item = diagnostics.warning(
        old->where, fmt::format("`{}` is an old name; write `{}`", old->key, info.name));
    item.suggestion = info.name;
    item.shows_value = !info.rules.secret;
    entry = old;
  }
  if (entry == nullptr) {
    if (info.rules.required) {
      diagnostics.error(table.where(), fmt::format("option `{}` ({}) is missing{}", info.name,
                                                   info.type, table.in_name()));
    }
    return nullptr;
  }
  if (!info.rules.no_effect.empty()) {
    diagnostics
        .warning(entry->where,
                 fmt::format("`{}` has no effect here: {}", entry->key, info.rules.no_effect))
        .shows_value = !info.rules.secret;
    return nullptr;
  }
  return entry;
}

}  // namespace holdfast::config
