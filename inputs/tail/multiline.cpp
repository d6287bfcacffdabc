// RE2, since its patterns are those of Go, which configurations for Telegraf are written in, and
// since it takes neither exponential time nor a deep stack for a long line.
#include "inputs/tail/multiline.h"

#include <utility>

#include <re2/re2.h>

namespace holdfast::tail {
namespace {

char quote_of(const std::string& name) {
  if (name == "single-quotes") return '\'';
  if (name == "double-quotes") return '"';
  return name == "backticks" ? '`' : '\0';
}

// Whether a quoted part begins or ends here without its other end. A quote behind an odd number of
// backslashes is a plain character.
bool toggles_quotes(std::string_view line, char quote) {
  bool odd = false;
  bool escaped = false;
  for (const char c : line) {
    if (c == quote && !escaped) odd = !odd;
    escaped = c == '\\' && !escaped;
  }
  return odd;
}

}  // namespace

struct MultilineRule::Pattern {
  explicit Pattern(const std::string& text) : expression(text, RE2::Quiet) {}
  RE2 expression;
};

MultilineRule::MultilineRule(MultilineOptions options, std::unique_ptr<Pattern> pattern)
    : options_(std::move(options)),
      pattern_(std::move(pattern)),
      quote_(quote_of(options_.quotation)) {}

MultilineRule::~MultilineRule() = default;

base::Result<std::shared_ptr<const MultilineRule>> MultilineRule::compile(
    const MultilineOptions& options) {
  std::unique_ptr<Pattern> pattern;
  if (!options.pattern.empty()) {
    pattern = std::make_unique<Pattern>(options.pattern);
    if (!pattern->expression.ok()) {
      return base::fail(base::ErrorCode::kInvalid, "{}", pattern->expression.error());
    }
  }
  return std::shared_ptr<const MultilineRule>(new MultilineRule(options, std::move(pattern)));
}

bool MultilineRule::matches(std::string_view line) const {
  if (pattern_ == nullptr) return false;
  const re2::StringPiece text(line.data(), line.size());
  return RE2::PartialMatch(text, pattern_->expression) != options_.invert_match;
}

Multiline::Multiline(std::shared_ptr<const MultilineRule> rule, std::size_t max_bytes)
    : rule_(std::move(rule)), max_bytes_(max_bytes) {}

// To its neighbour: the line before it, or the one after it.
bool Multiline::joins(std::string_view line, bool with_previous) {
  bool quoted = in_quotes_;
  if (rule_->quote() != 0 && toggles_quotes(line, rule_->quote())) in_quotes_ = !in_quotes_;
  if (!with_previous) quoted = in_quotes_;
  return quoted || rule_->matches(line);
}

void Multiline::append(std::string_view line, std::uint64_t end) {
  if (open_ && rule_->options().preserve_newline) record_.text += '\n';
  record_.text += line;
  record_.end = end;
  open_ = true;
}

std::optional<Record> Multiline::add(std::string_view line, std::uint64_t end) {
  const bool with_previous = rule_->options().match_which_line == "previous";
  const bool joined = joins(line, with_previous);
  std::optional<Record> whole;
  if (!joined && with_previous) whole = flush();
  append(line, end);
  if (!joined && !with_previous) return flush();
  if (!whole && record_.text.size() > max_bytes_) whole = flush();
  return whole;
}

std::optional<Record> Multiline::flush() {
  if (!std::exchange(open_, false)) return std::nullopt;
  return std::exchange(record_, {});
}

}  // namespace holdfast::tail
