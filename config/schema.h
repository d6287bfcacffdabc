// Schema<Options>: each option declared once. Parsing, validation, sample configuration and the
// documentation tables are all rendered from this one declaration.
//
//   struct MemOptions { bool collect_extended = false; };     // the default lives here only
//   const Schema<MemOptions>& mem_schema() {
//     static const auto schema = Schema<MemOptions>{}.option(
//         "collect_extended", &MemOptions::collect_extended, "Also report LRU sizes.");
//     return schema;
//   }
//   MemOptions options = mem_schema().parse(table, diagnostics);
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/base/clock.h"
#include "config/units.h"
#include "config/value.h"

namespace holdfast::config {

using StringList = std::vector<std::string>;
using StringMap = std::map<std::string, std::string>;
using StringListMap = std::map<std::string, StringList>;

// What an option accepts besides its type. Bounds are inclusive; durations are bounded in seconds,
// sizes in bytes, text lists by element.
struct Rules {
  std::optional<double> min{};
  std::optional<double> max{};
  std::vector<std::string_view> choices{};    // the only texts allowed, if not empty
  std::vector<std::string_view> old_names{};  // accepted with a warning that names the new one
  // Never shown in a message, log or sample. A text may name a file to read it from (secret.h).
  bool secret = false;
  bool required = false;
  std::string_view example{};  // for the sample, of a required text; else it shows its own name
  // If set: the option is accepted and has no effect here; the text says what is done instead.
  std::string_view no_effect{};
};

// One option as documentation sees it.
struct OptionInfo {
  std::string name;
  std::string type;           // "bool", "integer", "float", "string", "duration", "size",
                              // "list of strings", "table of strings", "table of lists"
  std::string default_value;  // as TOML text
  std::string help;
  Rules rules;
};

// Reads one value into `out`; reports to `diagnostics` and leaves `out` when it does not fit.
// Integers are taken for floats; durations and sizes accept text and numbers (units.h).
void read_value(const Table::Entry& entry, const Rules& rules, Diagnostics& diagnostics, bool& out);
void read_value(const Table::Entry& entry, const Rules& rules, Diagnostics& diagnostics,
                std::int64_t& out);
void read_value(const Table::Entry& entry, const Rules& rules, Diagnostics& diagnostics,
                double& out);
void read_value(const Table::Entry& entry, const Rules& rules, Diagnostics& diagnostics,
                std::string& out);
void read_value(const Table::Entry& entry, const Rules& rules, Diagnostics& diagnostics,
                base::Duration& out);
void read_value(const Table::Entry& entry, const Rules& rules, Diagnostics& diagnostics,
                Bytes& out);
void read_value(const Table::Entry& entry, const Rules& rules, Diagnostics& diagnostics,
                StringList& out);
void read_value(const Table::Entry& entry, const Rules& rules, Diagnostics& diagnostics,
                StringMap& out);
void read_value(const Table::Entry& entry, const Rules& rules, Diagnostics& diagnostics,
                StringListMap& out);

// The default as TOML text and the type's name, for OptionInfo.
[[nodiscard]] std::string show_value(bool value);
[[nodiscard]] std::string show_value(std::int64_t value);
[[nodiscard]] std::string show_value(double value);
[[nodiscard]] std::string show_value(const std::string& value);
[[nodiscard]] std::string show_value(base::Duration value);
[[nodiscard]] std::string show_value(Bytes value);
[[nodiscard]] std::string show_value(const StringList& value);
[[nodiscard]] std::string show_value(const StringMap& value);
[[nodiscard]] std::string show_value(const StringListMap& value);

[[nodiscard]] constexpr std::string_view type_name(const bool*) { return "bool"; }
[[nodiscard]] constexpr std::string_view type_name(const std::int64_t*) { return "integer"; }
[[nodiscard]] constexpr std::string_view type_name(const double*) { return "float"; }
[[nodiscard]] constexpr std::string_view type_name(const std::string*) { return "string"; }
[[nodiscard]] constexpr std::string_view type_name(const base::Duration*) { return "duration"; }
[[nodiscard]] constexpr std::string_view type_name(const Bytes*) { return "size"; }
[[nodiscard]] constexpr std::string_view type_name(const StringList*) { return "list of strings"; }
[[nodiscard]] constexpr std::string_view type_name(const StringMap*) { return "table of strings"; }
[[nodiscard]] constexpr std::string_view type_name(const StringListMap*) {
  return "table of lists";
}

// Takes `info`'s entry (under its name or an old one) from the table, with the warnings that old
// and ineffective options deserve, and an error when a required one is missing. Null if there is
// nothing to read. Lists under an old and the new name are joined, as Telegraf joins them.
[[nodiscard]] Table::Entry* take_option(Table& table, const OptionInfo& info,
                                        Diagnostics& diagnostics);

// A declared, immutable set of options. Thread-safe once built.
template <class Options>
class Schema {
 public:
  template <class Member>
  Schema&& option(std::string_view name, Member Options::*member, std::string_view help,
                  Rules rules = {}) && {
    const Options defaults{};
    const Member* tag = nullptr;
    items_.push_back({OptionInfo{std::string(name), std::string(type_name(tag)),
                                 show_value(defaults.*member), std::string(help), std::move(rules)},
                      [member](const Table::Entry& entry, const Rules& r, Diagnostics& d,
                               Options& out) { read_value(entry, r, d, out.*member); }});
    return std::move(*this);
  }

  // Defaults overlaid with what the table says. Keys of other schemas are left alone: the caller
  // calls Table::report_unused once all schemas have taken theirs.
  [[nodiscard]] Options parse(Table& table, Diagnostics& diagnostics) const {
    Options out{};
    for (const Item& item : items_) {
      check_ineffective(item, table, diagnostics);
      if (const Table::Entry* entry = take_option(table, item.info, diagnostics)) {
        for (const Table::Entry& earlier : entry->overridden) {
          Options without_effect{};
          item.read(earlier, item.info.rules, diagnostics, without_effect);
        }
        item.read(*entry, item.info.rules, diagnostics, out);
      }
    }
    return out;
  }

  // For Table::report_unused; valid as long as the schema.
  [[nodiscard]] std::vector<std::string_view> names() const {
    std::vector<std::string_view> names;
    for (const Item& item : items_) names.emplace_back(item.info.name);
    return names;
  }

  [[nodiscard]] std::vector<OptionInfo> describe() const {
    std::vector<OptionInfo> infos;
    infos.reserve(items_.size());
    for (const Item& item : items_) infos.push_back(item.info);
    return infos;
  }

 private:
  struct Item {
    OptionInfo info;
    std::function<void(const Table::Entry&, const Rules&, Diagnostics&, Options&)> read;
  };

  // An option that has no effect, but a set of choices, must still be one of them.
  static void check_ineffective(const Item& item, const Table& table, Diagnostics& diagnostics) {
    const Rules& rules = item.info.rules;
    if (rules.no_effect.empty() || rules.choices.empty()) return;
    Options without_effect{};
    if (const Table::Entry* entry = table.find(item.info.name)) {
      item.read(*entry, rules, diagnostics, without_effect);
    }
  }

  std::vector<Item> items_;
};

}  // namespace holdfast::config
