// Multiline: lines that belong together → one record (a stack trace, a quoted text).
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "agent/base/clock.h"
#include "agent/base/result.h"

namespace holdfast::tail {

struct MultilineOptions {
  std::string pattern;                        // RE2
  std::string match_which_line = "previous";  // or "next"
  bool invert_match = false;
  bool preserve_newline = false;
  std::string quotation = "ignore";  // or "single-quotes", "double-quotes", "backticks"
  base::Duration timeout{std::chrono::seconds(5)};

  // Whether lines are put together at all.
  [[nodiscard]] bool enabled() const { return !pattern.empty() || quotation != "ignore"; }
};

// The options, compiled. Immutable, thread-safe.
class MultilineRule {
 public:
  // Fails if the pattern is none.
  [[nodiscard]] static base::Result<std::shared_ptr<const MultilineRule>> compile(
      const MultilineOptions& options);
  ~MultilineRule();
  MultilineRule(const MultilineRule&) = delete;
  MultilineRule& operator=(const MultilineRule&) = delete;

  [[nodiscard]] const MultilineOptions& options() const { return options_; }
  // Whether the line is joined to its neighbour.
  [[nodiscard]] bool matches(std::string_view line) const;
  // 0: quotation is not looked at.
  [[nodiscard]] char quote() const { return quote_; }

 private:
  struct Pattern;
  MultilineRule(MultilineOptions options, std::unique_ptr<Pattern> pattern);

  MultilineOptions options_;
  std::unique_ptr<Pattern> pattern_;
  char quote_ = 0;
};

struct Record {
  std::string text;
  std::uint64_t end = 0;  // offset in the file of what follows it
};

// The lines of one file. Not thread-safe.
class Multiline {
 public:
  // A record that grows beyond `max_bytes` is ended.
  Multiline(std::shared_ptr<const MultilineRule> rule, std::size_t max_bytes);

  // A line that ends at `end`; the record that is whole by it, if any.
  [[nodiscard]] std::optional<Record> add(std::string_view line, std::uint64_t end);
  // What has been put together so far: no more comes.
  [[nodiscard]] std::optional<Record> flush();
  [[nodiscard]] bool waiting() const { return open_; }
  [[nodiscard]] base::Duration timeout() const { return rule_->options().timeout; }

 private:
  [[nodiscard]] bool joins(std::string_view line, bool with_previous);
  void append(std::string_view line, std::uint64_t end);

  std::shared_ptr<const MultilineRule> rule_;
  std::size_t max_bytes_;
  Record record_;
  bool open_ = false;  // the record has a line
  bool in_quotes_ = false;
};

}  // namespace holdfast::tail
