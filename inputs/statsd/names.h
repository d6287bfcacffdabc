// Names: a bucket → measurement, field and tags, through templates in the manner of Graphite.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "agent/base/result.h"
#include "inputs/statsd/line.h"

namespace holdfast::statsd {

struct Name {
  std::string measurement;
  std::string field;  // "value" unless a template says otherwise
  Tags tags;
};

struct NameOptions {
  std::string separator = "_";           // between the parts of a name
  std::vector<std::string> templates{};  // "[separator] [filter] template [key=value,...]"
  bool convert = false;                  // `.` → `_`, `-` → `__`
  bool sanitize = false;                 // as statsd itself: only letters, digits and _-.;=
};

// Immutable, thread-safe.
class Names {
 public:
  // kInvalid names the template that is none.
  [[nodiscard]] static base::Result<Names> compile(NameOptions options);

  // Of `name,key=value,...`.
  [[nodiscard]] Name parse(std::string_view bucket) const;

 private:
  struct Template {
    std::vector<std::string> filter;  // parts; `*` stands for any one
    std::vector<std::string> parts;   // measurement, measurement*, field, field*, a tag, or nothing
    char separator = '.';
    Tags tags;
  };
  [[nodiscard]] static base::Result<Template> parse_template(const std::string& text);
  [[nodiscard]] const Template* match(std::string_view name) const;
  void apply(const Template& rule, std::string_view name, Name& out) const;

  NameOptions options_;
  std::vector<Template> templates_;  // the more exact ones first
};

}  // namespace holdfast::statsd
