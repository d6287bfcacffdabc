// The configuration as values with positions, independent of the TOML library (see loader.h).
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "config/diagnostics.h"

namespace holdfast::config {

class Table;

// `text` as a TOML basic string, quotes included: control characters, `"` and `\` are escaped.
[[nodiscard]] std::string quoted(std::string_view text);

struct Value {
  // A date or time is kept as text: no option of ours takes one.
  using Array = std::vector<Value>;
  std::variant<bool, std::int64_t, double, std::string, Array, std::shared_ptr<Table>> data;
  Position where;
  bool date_time = false;
  // Already reported as wrong (an unset variable, say): readers keep their default and stay silent.
  bool invalid = false;

  // "a string", "an integer"... for messages.
  [[nodiscard]] std::string_view kind() const;
  // The value as a person would write it, shortened: for "found ..." in messages. Lists and tables
  // are named by their kind; the credentials of a URL are not shown.
  [[nodiscard]] std::string shown() const;
};

// Keys in file order. Remembers which keys somebody has read, so that one table can serve several
// schemas (an input's own options, the options all inputs share) before what is left over is
// reported as unknown. Not thread-safe.
class Table {
 public:
  struct Entry {
    std::string key;
    Position where;  // of the key
    Value value;
    bool used = false;
    // What earlier files said under this key: without effect, but checked and reported all the
    // same.
    std::vector<Entry> overridden{};
  };

  explicit Table(Position where = {}, std::string name = {})
      : where_(std::move(where)), name_(std::move(name)) {}

  // Adds an entry; one of the same key is replaced, where it stands.
  void add(std::string key, Position key_position, Value value);
  // Takes over all entries of a later table, key by key, and its name and position if this table
  // has none yet.
  void overlay(Table later);
  // The entry, marked as used; null if absent.
  [[nodiscard]] Entry* take(std::string_view key);
  [[nodiscard]] const Entry* find(std::string_view key) const;
  [[nodiscard]] const std::vector<Entry>& entries() const { return entries_; }
  [[nodiscard]] const Position& where() const { return where_; }
  // Of this key, or of the table if it has none.
  [[nodiscard]] const Position& where(std::string_view key) const;
  // As a person would write its header: "[agent]", "[[inputs.cpu]]"; may be empty.
  [[nodiscard]] const std::string& name() const { return name_; }
  // " in [agent]", for messages; empty when the table has no name.
  [[nodiscard]] std::string in_name() const;

  // One error for each key nobody took: "unknown option `x` in [agent]; did you mean `y`?".
  void report_unused(Diagnostics& diagnostics, const std::vector<std::string_view>& known) const;

 private:
  Position where_;
  std::string name_;
  std::vector<Entry> entries_;
};

}  // namespace holdfast::config
