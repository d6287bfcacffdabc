// The table of data formats. A new one is a declaration and an entry here, both in alphabetical
// order.
#include "inputs/parsers/formats.h"

#include <algorithm>
#include <array>

#include <fmt/core.h>

namespace holdfast::parsers {

const Format& csv_format();
const Format& influx_format();
const Format& json_format();
const Format& value_format();

namespace {

std::string choices() {
  std::string text;
  for (const Format& format : all_formats()) {
    text += fmt::format("{}\"{}\"", text.empty() ? "" : ", ", format.name);
  }
  return text;
}

// Options of a format that is not here are no further problems.
void take_options_of(std::string_view format, config::Table& table) {
  const bool xpath = format.starts_with("xpath_");
  const std::string prefix = xpath ? "xpath" : std::string(format);
  std::vector<std::string> keys;
  for (const config::Table::Entry& entry : table.entries()) keys.push_back(entry.key);
  for (const std::string& key : keys) {
    const bool graphite = format == "graphite" && (key == "templates" || key == "separator");
    if (graphite || key == prefix || key.starts_with(prefix + "_")) (void)table.take(key);
  }
}

// The one chosen, or null with the problem reported.
const Format* choose(config::Table& table, config::Diagnostics& diagnostics,
                     std::string_view default_format) {
  const config::Table::Entry* entry = table.take("data_format");
  if (entry == nullptr) return find_format(default_format);
  std::string name;
  config::read_value(*entry, {}, diagnostics, name);
  const Format* format = find_format(name);
  if (format != nullptr || name.empty()) return format;
  config::Diagnostic& item = diagnostics.unsupported(
      entry->value.where, fmt::format("`data_format` is {}, which is not supported, expected "
                                      "one of {}",
                                      entry->value.shown(), choices()));
  item.found = entry->value.shown();
  item.expected = choices();
  item.shows_value = true;
  take_options_of(name, table);
  return nullptr;
}

}  // namespace

std::span<const Format> all_formats() {
  static const std::array formats = {csv_format(), influx_format(), json_format(), value_format()};
  return formats;
}

const Format* find_format(std::string_view name) {
  const auto formats = all_formats();
  const auto found = std::find_if(formats.begin(), formats.end(),
                                  [&](const Format& format) { return format.name == name; });
  return found == formats.end() ? nullptr : &*found;
}

config::OptionInfo data_format_option(std::string_view default_format) {
  return {"data_format",
          "string",
          config::show_value(std::string(default_format)),
          fmt::format("Format of the text, with options of its own: one of {}.", choices()),
          {}};
}

std::vector<std::string_view> option_names() {
  static const std::vector<config::OptionInfo> all = [] {
    std::vector<config::OptionInfo> infos;
    for (const Format& format : all_formats()) {
      for (auto& info : format.options()) infos.push_back(std::move(info));
    }
    return infos;
  }();
  std::vector<std::string_view> names;
  for (const auto& info : all) names.emplace_back(info.name);
  return names;
}

MakeParser take_format(config::Table& table, config::Diagnostics& diagnostics,
                       std::string_view default_format, const ParserContext& context) {
  const Format* format = choose(table, diagnostics, default_format);
  return format == nullptr ? MakeParser() : format->configure(table, diagnostics, context);
}

}  // namespace holdfast::parsers
