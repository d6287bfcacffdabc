// The filter options of a plugin, compiled and asked.
#include "agent/line/filter.h"

#include <algorithm>

#include <fmt/core.h>

namespace holdfast::line {
namespace {

class Compiler {
 public:
  Compiler(const config::Table& table, config::Diagnostics& diagnostics)
      : table_(table), diagnostics_(diagnostics) {}

  [[nodiscard]] config::GlobList list(std::string_view option, const config::StringList& patterns,
                                      std::string_view separators = {}) const {
    auto compiled = config::GlobList::compile(patterns, separators);
    if (compiled) return std::move(*compiled);
    diagnostics_.error(table_.where(option),
                       fmt::format("`{}`: {}", option, compiled.error().message));
    return {};
  }

  [[nodiscard]] std::vector<std::pair<std::string, config::GlobList>> tags(
      std::string_view option, const config::StringListMap& map) const {
    std::vector<std::pair<std::string, config::GlobList>> globs;
    for (const auto& [tag, patterns] : map) globs.emplace_back(tag, list(option, patterns));
    return globs;
  }

 private:
  const config::Table& table_;
  config::Diagnostics& diagnostics_;
};

}  // namespace

const config::Schema<FilterOptions>& filter_schema() {
  using O = FilterOptions;
  static const auto schema =
      config::Schema<O>{}
          .option("namepass", &O::namepass, "Only points whose name matches one of these globs.")
          .option("namepass_separator", &O::namepass_separator,
                  "Characters that `*` and `?` of namepass do not match.")
          .option("namedrop", &O::namedrop, "No points whose name matches one of these globs.")
          .option("namedrop_separator", &O::namedrop_separator,
                  "Characters that `*` and `?` of namedrop do not match.")
          .option("tagpass", &O::tagpass,
                  "Only points that have one of these tags with a value that matches.")
          .option("tagdrop", &O::tagdrop,
                  "No points that have one of these tags with a value that matches.")
          .option("fieldinclude", &O::fieldinclude,
                  "Only fields whose key matches; a point without any is left out.",
                  {.old_names = {"fieldpass", "pass"}})
          .option("fieldexclude", &O::fieldexclude,
                  "No fields whose key matches; a point without any is left out.",
                  {.old_names = {"fielddrop", "drop"}})
          .option("taginclude", &O::taginclude, "Only tags whose key matches, `host` included.")
          .option("tagexclude", &O::tagexclude, "No tags whose key matches, `host` included.");
  return schema;
}

MetricFilter MetricFilter::compile(const FilterOptions& options, const config::Table& table,
                                   config::Diagnostics& diagnostics) {
  const Compiler compiler(table, diagnostics);
  MetricFilter filter;
  filter.name_pass_ = compiler.list("namepass", options.namepass, options.namepass_separator);
  filter.name_drop_ = compiler.list("namedrop", options.namedrop, options.namedrop_separator);
  filter.tag_pass_ = compiler.tags("tagpass", options.tagpass);
  filter.tag_drop_ = compiler.tags("tagdrop", options.tagdrop);
  filter.fields_ = {compiler.list("fieldinclude", options.fieldinclude),
                    compiler.list("fieldexclude", options.fieldexclude)};
  filter.tags_ = {compiler.list("taginclude", options.taginclude),
                  compiler.list("tagexclude", options.tagexclude)};
  return filter;
}

bool MetricFilter::any_matches(const TagGlobs& globs, std::span<const TagView> tags) {
  return std::any_of(globs.begin(), globs.end(), [tags](const auto& glob) {
    return std::any_of(tags.begin(), tags.end(), [&glob](const TagView& tag) {
      return tag.key == glob.first && glob.second.matches(tag.value);
    });
  });
}

bool MetricFilter::selects(std::string_view name, std::span<const TagView> tags) const {
  if (!name_pass_.empty() && !name_pass_.matches(name)) return false;
  if (name_drop_.matches(name)) return false;
  if (!tag_pass_.empty() && !any_matches(tag_pass_, tags)) return false;
  return !any_matches(tag_drop_, tags);
}

bool MetricFilter::selects_all() const {
  return name_pass_.empty() && name_drop_.empty() && tag_pass_.empty() && tag_drop_.empty();
}

}  // namespace holdfast::line
