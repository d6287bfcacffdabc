// Names between colons, and labels against selectors.
#include "agent/selection.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>
#include <variant>

#include <fmt/core.h>

#include "config/glob.h"

namespace holdfast::agent {
namespace {

std::string_view trimmed(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(' ');
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(' ') - begin + 1);
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  while (true) {
    const std::size_t end = text.find(separator);
    const std::string_view part = trimmed(text.substr(0, end));
    if (!part.empty()) parts.push_back(part);
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

struct Pair {
  std::string key;
  config::GlobList value;
};

// Nothing if it is not key=value with a pattern that can be read.
std::optional<Pair> parse_pair(std::string_view text) {
  const std::size_t equals = text.find('=');
  if (equals == std::string_view::npos) return std::nullopt;
  const std::string_view key = trimmed(text.substr(0, equals));
  auto value = config::GlobList::compile({std::string(trimmed(text.substr(equals + 1)))});
  if (key.empty() || !value) return std::nullopt;
  return Pair{std::string(key), std::move(*value)};
}

const std::string* label_of(const config::Table& labels, const std::string& key) {
  const config::Table::Entry* entry = labels.find(key);
  return entry == nullptr ? nullptr : std::get_if<std::string>(&entry->value.data);
}

bool matches(const config::Table& labels, const std::string& selector) {
  const auto pairs = split(selector, ';');
  return std::all_of(pairs.begin(), pairs.end(), [&labels](std::string_view text) {
    const auto pair = parse_pair(text);
    const std::string* label = pair ? label_of(labels, pair->key) : nullptr;
    return label != nullptr && pair->value.matches(*label);
  });
}

bool is_selected(const config::Table& plugin, const std::vector<std::string>& selectors) {
  const config::Table::Entry* entry = plugin.find("labels");
  if (selectors.empty() || entry == nullptr) return true;
  const auto* labels = std::get_if<std::shared_ptr<config::Table>>(&entry->value.data);
  // What is no table is reported when the options are read.
  if (labels == nullptr || (*labels)->entries().empty()) return true;
  return std::any_of(selectors.begin(), selectors.end(), [&labels](const std::string& selector) {
    return matches(**labels, selector);
  });
}

}  // namespace

bool is_wanted(const std::vector<std::string>& filter, std::string_view name) {
  return filter.empty() || std::any_of(filter.begin(), filter.end(), [name](const auto& text) {
           const auto names = split(text, ':');
           return std::find(names.begin(), names.end(), name) != names.end();
         });
}

std::string selector_problem(const std::string& selector) {
  for (const std::string_view text : split(selector, ';')) {
    if (!parse_pair(text)) return fmt::format("`{}` is not of the form label=value", text);
  }
  return split(selector, ';').empty() ? "expected label=value, several separated by `;`" : "";
}

void select_plugins(const Selection& selection, config::Document& document) {
  const auto narrow = [&](std::vector<config::PluginTable>& plugins, const char* section,
                          const std::vector<std::string>& filter) {
    const bool none = !is_wanted(selection.sections, section);
    std::erase_if(plugins, [&](const config::PluginTable& plugin) {
      return none || !is_wanted(filter, plugin.name) ||
             !is_selected(plugin.table, selection.selectors);
    });
  };
  narrow(document.inputs, "inputs", selection.inputs);
  narrow(document.outputs, "outputs", selection.outputs);
  const std::pair<const char*, config::Table*> sections[] = {{"agent", &document.agent},
                                                             {"global_tags", &document.global_tags},
                                                             {"buffer", &document.buffer},
                                                             {"status", &document.status}};
  for (const auto& [name, table] : sections) {
    if (!is_wanted(selection.sections, name)) *table = config::Table();
  }
}

}  // namespace holdfast::agent
