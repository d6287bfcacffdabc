// The sections of a configuration file: [agent], [global_tags], [buffer], [status], [[inputs.x]],
// [[outputs.x]], and old forms of inputs; everything else is refused.
#include "config/document.h"

#include <algorithm>
#include <memory>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <variant>
#include <vector>

#include <fmt/format.h>

#include "config/telegraf_plugins.h"

namespace holdfast::config {
namespace {

Table* as_table(Value& value) {
  auto* table = std::get_if<std::shared_ptr<Table>>(&value.data);
  return table == nullptr ? nullptr : table->get();
}

// A list made of tables, as [[x]] makes it; null for anything else.
Value::Array* as_table_list(Value& value) {
  auto* list = std::get_if<Value::Array>(&value.data);
  if (list == nullptr || list->empty()) return nullptr;
  const bool all_tables = std::all_of(list->begin(), list->end(),
                                      [](Value& item) { return as_table(item) != nullptr; });
  return all_tables ? list : nullptr;
}

class DocumentBuilder {
 public:
  DocumentBuilder(Diagnostics& diagnostics, Document& into)
      : diagnostics_(diagnostics), into_(into) {}

  void add(Table root) {
    for (const Table::Entry& entry : root.entries()) add_section(*root.take(entry.key));
  }

 private:
  void add_section(Table::Entry& entry) {
    const std::string& key = entry.key;
    if (entry.value.invalid) return;
    if (key == "agent") return overlay(entry, into_.agent);
    if (key == "buffer") return overlay(entry, into_.buffer);
    if (key == "status") return overlay(entry, into_.status);
    if (key == "global_tags") return add_tags(entry);
    if (key == "tags") return add_old_tags(entry);
    if (key == "inputs") return add_plugins(entry, into_.inputs);
    if (key == "plugins") return add_old_plugins(entry);
    if (key == "outputs") return add_plugins(entry, into_.outputs);
    if (key == "processors" || key == "aggregators" || key == "secretstores") {
      return refuse_category(entry);
    }
    if (as_table(entry.value) != nullptr && is_telegraf_plugin("inputs", key)) {
      return add_bare_input(entry);
    }
    refuse_unknown(entry);
  }

  void overlay(Table::Entry& entry, Table& section) {
    if (Table* table = section_table(entry)) section.overlay(std::move(*table));
  }

  Table* section_table(Table::Entry& entry) {
    Table* table = as_table(entry.value);
    if (table == nullptr) {
      const bool is_list = as_table_list(entry.value) != nullptr;
      const std::string found =
          is_list ? fmt::format("[[{}]]", entry.key) : std::string(entry.value.kind());
      diagnostics_.error(entry.where, fmt::format("`{}` is {}, expected one table [{}]", entry.key,
                                                  found, entry.key));
    }
    return table;
  }

  void add_tags(Table::Entry& entry) {
    Table* table = section_table(entry);
    if (table == nullptr) return;
    Table tags(table->where(), table->name());
    for (const Table::Entry& tag : table->entries()) {
      if (tag.value.invalid) continue;
      if (!std::holds_alternative<std::string>(tag.value.data) || tag.value.date_time) {
        diagnostics_
            .error(tag.value.where,
                   fmt::format("`{}` is {}, expected a string, as all values of [{}]", tag.key,
                               tag.value.shown(), entry.key))
            .shows_value = true;
        continue;
      }
      tags.add(tag.key, tag.where, tag.value);
    }
    into_.global_tags.overlay(std::move(tags));
  }

  void add_old_tags(Table::Entry& entry) {
    if (as_table(entry.value) != nullptr) {
      warn_of_old(entry.where, "[tags]", "[global_tags]");
    }
    add_tags(entry);
  }

  void warn_of_old(const Position& where, const std::string& found, const std::string& now) {
    Diagnostic& item =
        diagnostics_.warning(where, fmt::format("{} is an old name; write {}", found, now));
    item.found = found;
    item.suggestion = now;
  }

  // [plugins.x] and [x], as Telegraf had them before it knew outputs by name.
  void add_old_plugins(Table::Entry& category) {
    const std::size_t first = into_.inputs.size();
    add_plugins(category, into_.inputs);
    for (std::size_t i = first; i < into_.inputs.size(); ++i) {
      const PluginTable& plugin = into_.inputs[i];
      warn_of_old(plugin.where, plugin.table.name(), fmt::format("[[inputs.{}]]", plugin.name));
    }
  }

  void add_bare_input(Table::Entry& entry) {
    warn_of_old(entry.where, fmt::format("[{}]", entry.key),
                fmt::format("[[inputs.{}]]", current_input(entry.key)));
    into_.inputs.push_back(
        {current_input(entry.key), entry.where, std::move(*as_table(entry.value))});
  }

  static std::string current_input(std::string_view name) {
    return std::string(current_plugin_name("inputs", name));
  }

  void add_plugins(Table::Entry& category, std::vector<PluginTable>& into) {
    Table* plugins = as_table(category.value);
    if (plugins == nullptr) {
      diagnostics_.error(category.where,
                         fmt::format("`{0}` is {1}, expected tables such as [[{0}.NAME]]",
                                     category.key, category.value.kind()));
      return;
    }
    const std::size_t first = into.size();
    for (const Table::Entry& entry : plugins->entries()) {
      add_instances(category.key, *plugins->take(entry.key), into);
    }
    // The order of the file, also where instances of several plugins alternate.
    const auto place = [](const PluginTable& plugin) {
      return std::make_tuple(plugin.where.line, plugin.where.column);
    };
    std::stable_sort(
        into.begin() + static_cast<std::ptrdiff_t>(first), into.end(),
        [&place](const PluginTable& a, const PluginTable& b) { return place(a) < place(b); });
  }

  void add_instances(const std::string& category, Table::Entry& entry,
                     std::vector<PluginTable>& into) {
    if (entry.value.invalid) return;
    const std::string name = category == "outputs" ? entry.key : current_input(entry.key);
    if (Table* single = as_table(entry.value)) {
      warn_of_old_name(category, entry.key, name, entry.where);
      into.push_back({name, entry.where, std::move(*single)});
      return;
    }
    Value::Array* list = as_table_list(entry.value);
    if (list == nullptr) {
      diagnostics_.error(entry.where, fmt::format("`{0}` is {1}, expected a table [[{2}.{0}]]",
                                                  entry.key, entry.value.kind(), category));
      return;
    }
    for (Value& item : *list) {
      warn_of_old_name(category, entry.key, name, item.where);
      into.push_back({name, item.where, std::move(*as_table(item))});
    }
  }

  // Below [plugins] everything is old, and add_old_plugins() says so.
  void warn_of_old_name(const std::string& category, const std::string& found,
                        const std::string& now, const Position& where) {
    if (found == now || category == "plugins") return;
    warn_of_old(where, fmt::format("[[{}.{}]]", category, found),
                fmt::format("[[{}.{}]]", category, now));
  }

  // One error for each plugin, so that all of them are seen in one run.
  void refuse_category(Table::Entry& category) {
    Table* plugins = as_table(category.value);
    if (plugins == nullptr || plugins->entries().empty()) {
      diagnostics_.unsupported(category.where, fmt::format("`{}` is not supported", category.key));
      return;
    }
    for (Table::Entry plugin : plugins->entries()) {
      const std::string message =
          fmt::format("[[{}.{}]] is not supported", category.key, plugin.key);
      if (const Value::Array* list = as_table_list(plugin.value)) {
        for (const Value& item : *list) diagnostics_.unsupported(item.where, message);
      } else {
        diagnostics_.unsupported(plugin.where, message);
      }
    }
  }

  void refuse_unknown(Table::Entry& entry) {
    const std::vector<std::string_view> known{"agent",  "global_tags", "buffer",
                                              "status", "inputs",      "outputs"};
    const bool is_list = as_table_list(entry.value) != nullptr;
    if (!is_list && as_table(entry.value) == nullptr) {
      diagnostics_.error(
          entry.where,
          fmt::format("option `{}` stands in no table; put it below [agent] or another header",
                      entry.key));
      return;
    }
    std::string hint = did_you_mean(entry.key, known);
    if (is_list && is_telegraf_plugin("inputs", entry.key)) {
      hint = fmt::format("; did you mean [[inputs.{}]]?", entry.key);
    }
    if (hint.empty()) {
      hint = fmt::format(
          ", expected [agent], [global_tags], [buffer], [status], [[inputs.NAME]] or "
          "[[outputs.NAME]]");
    }
    const std::string header =
        is_list ? fmt::format("[[{}]]", entry.key) : fmt::format("[{}]", entry.key);
    diagnostics_.error(entry.where, fmt::format("unknown table {}{}", header, hint)).suggestion =
        nearest_name(entry.key, known);
  }

  Diagnostics& diagnostics_;
  Document& into_;
};

}  // namespace

void add_to_document(Table root, Diagnostics& diagnostics, Document& into) {
  DocumentBuilder(diagnostics, into).add(std::move(root));
}

}  // namespace holdfast::config
