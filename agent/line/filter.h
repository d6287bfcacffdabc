// MetricFilter: which points of an input, or for an output, go on, and which of their tags and
// fields. Options, order and globs are Telegraf's (telegraf-compat section 2.4).
#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/glob.h"
#include "config/schema.h"

namespace holdfast::line {

// The options as they stand in a plugin's table. An empty list is no filter.
struct FilterOptions {
  config::StringList namepass, namedrop;
  std::string namepass_separator, namedrop_separator;  // characters that * and ? stop at
  config::StringListMap tagpass, tagdrop;              // tag → patterns of its values
  config::StringList fieldinclude, fieldexclude;       // keys
  config::StringList taginclude, tagexclude;           // keys
};

[[nodiscard]] const config::Schema<FilterOptions>& filter_schema();

// Unescaped.
struct TagView {
  std::string_view key;
  std::string_view value;
};

// Compiled once, immutable, thread-safe. The default lets everything through.
class MetricFilter {
 public:
  MetricFilter() = default;
  // `table` is the one the options are from, for the places of bad patterns, which go to
  // `diagnostics`.
  [[nodiscard]] static MetricFilter compile(const FilterOptions& options,
                                            const config::Table& table,
                                            config::Diagnostics& diagnostics);

  // True if points of this name with these tags go on. With several tags in tagpass or tagdrop any
  // one that matches will do.
  [[nodiscard]] bool selects(std::string_view name, std::span<const TagView> tags) const;
  [[nodiscard]] bool keeps_field(std::string_view key) const { return fields_.keeps(key); }
  [[nodiscard]] bool keeps_tag(std::string_view key) const { return tags_.keeps(key); }

  [[nodiscard]] bool looks_at_tags() const { return !tag_pass_.empty() || !tag_drop_.empty(); }
  // Whether no point can be left out, or edited.
  [[nodiscard]] bool selects_all() const;
  [[nodiscard]] bool keeps_all() const { return fields_.empty() && tags_.empty(); }
  [[nodiscard]] bool empty() const { return selects_all() && keeps_all(); }

 private:
  struct Keys {
    config::GlobList include, exclude;
    [[nodiscard]] bool empty() const { return include.empty() && exclude.empty(); }
    [[nodiscard]] bool keeps(std::string_view key) const {
      return (include.empty() || include.matches(key)) && !exclude.matches(key);
    }
  };
  using TagGlobs = std::vector<std::pair<std::string, config::GlobList>>;

  [[nodiscard]] static bool any_matches(const TagGlobs& globs, std::span<const TagView> tags);

  config::GlobList name_pass_, name_drop_;
  TagGlobs tag_pass_, tag_drop_;
  Keys fields_, tags_;
};

}  // namespace holdfast::line
