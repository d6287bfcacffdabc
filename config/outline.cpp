// The structure of TOML: headers, keys, values, lists and inline tables. See outline.h.
#include "config/outline.h"

#include <algorithm>
#include <cctype>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "config/environment.h"
#include "config/scalar.h"
#include "config/scanner.h"

namespace holdfast::config {
namespace {

// Lists and tables inside each other; the TOML library recurses without a limit of its own.
constexpr std::size_t kMaxDepth = 64;

bool ends_value(char c) { return std::string_view(" \t\n,]}#").find(c) != std::string_view::npos; }

class OutlineScanner {
 public:
  explicit OutlineScanner(std::string_view text) : scan_(text) {}

  tl::expected<Outline, TextProblem> run() {
    for (scan_.skip_blanks_and_lines(); !scan_.at_end(); scan_.skip_blanks_and_lines()) {
      value_ = kNoValue;
      const bool good = scan_.peek() == '[' ? header() : key_and_value_line();
      if (good) continue;
      TextProblem problem = *scan_.problem();
      problem.after_names = is_after_names(problem.offset);
      return tl::unexpected(std::move(problem));
    }
    return std::move(out_);
  }

 private:
  bool header() {
    Statement statement;
    statement.begin = scan_.offset();
    const bool is_array = scan_.rest().starts_with("[[");
    statement.kind = is_array ? Statement::Kind::kTableArray : Statement::Kind::kTable;
    scan_.advance(is_array ? 2 : 1);
    scan_.skip_blanks();
    if (!key("a table name", statement.key)) return false;
    const std::string_view close = is_array ? "]]" : "]";
    if (!scan_.rest().starts_with(close)) {
      return scan_.fail_here(fmt::format("found {}, expected `{}` at the end of the table header",
                                         found_here(scan_), close));
    }
    scan_.advance(close.size());
    statement.end = scan_.offset();
    if (!line_end("the table header")) return false;
    statement.header = out_.statements.size();
    header_ = statement.header;
    out_.keys[statement.begin] = statement.key;
    out_.statements.push_back(std::move(statement));
    return true;
  }

  bool key_and_value_line() {
    Statement statement;
    statement.begin = scan_.offset();
    statement.header = header_;
    if (!key_and_value(0, statement.key, statement.value)) return false;
    statement.end = scan_.offset();
    const std::string name = dotted(statement.key);
    out_.statements.push_back(std::move(statement));
    return line_end(fmt::format("the value of `{}`", name));
  }

  // key = value, on one line of the file or in an inline table.
  bool key_and_value(std::size_t depth, KeyParts& parts, std::size_t& value_offset) {
    const std::size_t begin = scan_.offset();
    if (!key("an option name", parts)) return false;
    const std::string name = dotted(parts);
    if (!scan_.take('=')) {
      return scan_.fail_here(
          fmt::format("found {}, expected `=` after `{}`", found_here(scan_), name));
    }
    scan_.skip_blanks();
    value_offset = scan_.offset();
    if (value_ == kNoValue) value_ = value_offset;
    out_.keys[begin] = parts;
    out_.key_of_value[value_offset] = begin;
    return value(depth, name);
  }

  // A dotted key and the blanks after it.
  bool key(std::string_view expected, KeyParts& parts) {
    do {
      scan_.skip_blanks();
      const std::size_t begin = scan_.offset();
      auto name = scan_.take_name();
      if (!name) return false;
      if (scan_.offset() == begin) {
        return scan_.fail_here(fmt::format("found {}, expected {}", found_here(scan_), expected));
      }
      parts.push_back({std::move(*name), begin, scan_.offset() - begin});
      scan_.skip_blanks();
    } while (scan_.take('.'));
    return parts.size() <= kMaxDepth || scan_.fail(parts.front().offset, too_deep());
  }

  static std::string too_deep() {
    return fmt::format("tables and lists are nested deeper than {} levels", kMaxDepth);
  }

  bool value(std::size_t depth, const std::string& name) {
    if (depth > kMaxDepth) return scan_.fail_here(too_deep());
    switch (scan_.peek()) {
      case '"':
      case '\'':
        return scan_.skip_string();
      case '[':
        return list(depth + 1, name);
      case '{':
        return inline_table(depth + 1);
      case '$':
        return variable(name);
      default:
        return scalar(name);
    }
  }

  bool list(std::size_t depth, const std::string& name) {
    const std::size_t begin = scan_.offset();
    scan_.advance();
    for (;;) {
      scan_.skip_blanks_and_lines();
      if (scan_.at_end()) return not_closed(begin);
      if (scan_.take(']')) return true;
      if (!value(depth, name)) return false;
      scan_.skip_blanks_and_lines();
      if (scan_.at_end()) return not_closed(begin);
      if (scan_.take(',')) continue;
      if (scan_.take(']')) return true;
      return scan_.fail_here(
          fmt::format("found {}, expected `,` or `]` in the list `{}`", found_here(scan_), name));
    }
  }

  bool not_closed(std::size_t begin) {
    return scan_.fail(begin, "the list that begins here is not closed by `]`");
  }

  bool inline_table(std::size_t depth) {
    scan_.advance();
    scan_.skip_blanks();
    if (scan_.take('}')) return true;
    for (;;) {
      scan_.skip_blanks();
      KeyParts parts;
      std::size_t value_offset = 0;
      if (!key_and_value(depth + 1, parts, value_offset)) return false;
      scan_.skip_blanks();
      if (scan_.take('}')) return true;
      if (!scan_.take(',')) {
        return scan_.fail_here(
            fmt::format("found {}, expected `,` or `}}` in the inline table, "
                        "which stands on one line",
                        found_here(scan_)));
      }
    }
  }

  bool variable(const std::string& name) {
    const std::size_t begin = scan_.offset();
    const std::string_view line = scan_.rest().substr(0, scan_.rest().find('\n'));
    auto reference = leading_reference(line);
    if (reference) scan_.advance(reference->length);
    if (!reference || !ends_value(scan_.peek())) {
      return bad_value(begin, name, "a text needs quotes");
    }
    out_.variables.push_back({begin, reference->length, std::move(reference->name), name});
    return true;
  }

  bool scalar(const std::string& name) {
    const std::size_t begin = scan_.offset();
    const std::string_view token = bare_token(scan_.text(), begin);
    if (token.empty()) {
      return scan_.fail_here(
          fmt::format("found {}, expected a value for `{}`", found_here(scan_), name));
    }
    const std::string problem = scalar_problem(token);
    if (!problem.empty()) return bad_value(begin, name, problem);
    scan_.advance(token.size());
    return true;
  }

  bool bad_value(std::size_t at, const std::string& name, std::string_view problem) {
    return scan_.fail(at, fmt::format("the value of `{}` is not valid TOML: {}", name, problem));
  }

  bool line_end(std::string_view after) {
    scan_.skip_blanks();
    scan_.skip_comment();
    if (scan_.at_end() || scan_.peek() == '\n') return true;
    // What stands here is not shown: it may be the rest of a secret that lacks its quotes.
    return scan_.fail_here(fmt::format("expected the end of the line after {}", after));
  }

  Scanner scan_;
  Outline out_;
  // True if before `offset` stand names only, and brackets that nothing has followed yet.
  [[nodiscard]] bool is_after_names(std::size_t offset) const {
    if (offset <= value_) return true;
    const std::string_view between = scan_.text().substr(value_, offset - value_);
    return between.find_first_not_of("[{ \t") == between.npos;
  }

  std::size_t header_ = kNoHeader;
  static constexpr std::size_t kNoValue = static_cast<std::size_t>(-1);
  std::size_t value_ = kNoValue;  // where the first value of the statement begins
};

}  // namespace

std::string dotted(const KeyParts& parts) {
  std::string out;
  for (const KeyPart& part : parts) {
    if (!out.empty()) out += '.';
    out += part.text;
  }
  return out;
}

tl::expected<Outline, TextProblem> make_outline(std::string_view text) {
  return OutlineScanner(text).run();
}

std::string_view bare_token(std::string_view text, std::size_t offset) {
  const auto token_at = [text](std::size_t at) {
    std::size_t end = at;
    while (end < text.size() && !ends_value(text[end])) ++end;
    return text.substr(at, end - at);
  };
  const std::string_view date = token_at(offset);
  const std::size_t next = offset + date.size() + 1;
  if (next < text.size() && text[next - 1] == ' ' && looks_like_date_time(date)) {
    const std::string_view time = token_at(next);
    if (looks_like_date_time(time)) return text.substr(offset, date.size() + 1 + time.size());
  }
  return date;
}

}  // namespace holdfast::config
