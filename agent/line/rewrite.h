// LineRewriter: lines in their final form with other names, tags and fields: what a plugin's filter
// and name options make of points that are lines already.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "agent/line/cursor.h"
#include "agent/line/encode.h"
#include "agent/line/filter.h"

namespace holdfast::line {

// prefix + (replacement or the name) + suffix
struct NameRules {
  std::string replacement, prefix, suffix;

  [[nodiscard]] bool empty() const {
    return replacement.empty() && prefix.empty() && suffix.empty();
  }
  [[nodiscard]] std::string apply(std::string_view name) const;
};

struct RewriteRules {
  NameRules names;
  MetricFilter filter;              // sees the name as it was
  std::vector<TagPair> force_tags;  // in place of the line's own; the filter sees them
  std::vector<TagPair> add_tags;    // where the line has none of that key; past the filter

  [[nodiscard]] bool empty() const {
    return names.empty() && filter.empty() && force_tags.empty() && add_tags.empty();
  }
};

// Not thread-safe; `rules` outlive it.
class LineRewriter {
 public:
  explicit LineRewriter(const RewriteRules& rules);

  // Appends the line as the rules want it, LF included. False, with `out` untouched, if they leave
  // it out. Lines are taken to be in the ring's final form.
  [[nodiscard]] bool append(const LineParts& parts, std::string& out);
  // Bytes that a line's measurement and tags may grow by.
  [[nodiscard]] std::size_t most_added() const;

 private:
  void collect_tags(const LineParts& parts);
  [[nodiscard]] bool selected(const LineParts& parts);
  [[nodiscard]] bool append_fields(std::string_view fields, std::string& out);
  [[nodiscard]] bool keeps_tag(std::string_view key);

  const RewriteRules& rules_;
  bool edits_;                                 // lines that go on may not be as they were
  std::string prefix_, replacement_, suffix_;  // escaped
  std::vector<TagPair> force_, add_;           // escaped
  std::vector<KeyValue> tags_;                 // of the line at hand
  std::vector<std::string> texts_;             // unescaped, reused
  std::vector<TagView> views_;
  std::string scratch_;
};

}  // namespace holdfast::line
