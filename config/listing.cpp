// Excerpts of configuration files. See listing.h for what is never shown.
#include "config/listing.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <utility>

#include "config/scanner.h"

namespace holdfast::config {
namespace {

// A line that is longer is no help below a message.
constexpr std::size_t kMaxLineBytes = 200;
constexpr std::string_view kHidden = "...";

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return out;
}

// True for a part of a line that may hold a secret though no option of ours says so.
bool looks_secret(std::string_view part) {
  // Not "pass" alone: `namepass` and its like are filters.
  constexpr std::array<std::string_view, 11> kWords{"passw",      "passp", "_pass",  "pwd",
                                                    "secret",     "token", "cookie", "private",
                                                    "credential", "auth",  "key"};
  const std::string text = lower(part);
  const auto has = [&text](std::string_view word) { return text.find(word) != text.npos; };
  const bool url_with_more = has("://") && (has("@") || has("?"));
  return url_with_more || std::any_of(kWords.begin(), kWords.end(), has);
}

bool is_continuation(char c) { return (static_cast<unsigned char>(c) & 0xC0U) == 0x80U; }

// The line, and below it `^~~~` under `length` bytes at `begin`. Tabs stay, so that both line up.
std::string marked(std::string_view line, std::size_t begin, std::size_t length) {
  if (line.size() > kMaxLineBytes) return {};
  std::string mark;
  for (std::size_t at = 0; at < begin; ++at) {
    if (line[at] == '\t') {
      mark += '\t';
    } else if (!is_continuation(line[at])) {
      mark += ' ';
    }
  }
  mark += '^';
  for (std::size_t at = begin + 1; at < begin + length && at < line.size(); ++at) {
    if (!is_continuation(line[at])) mark += '~';
  }
  return std::string(line) + "\n" + mark + "\n";
}

// Length of the scalar at `offset` on its line.
std::size_t scalar_length(std::string_view text, std::size_t offset) {
  if (text[offset] != '"' && text[offset] != '\'') return bare_token(text, offset).size();
  Scanner scanner(text);
  scanner.advance(offset);
  return scanner.skip_string() ? scanner.offset() - offset : 1;
}

}  // namespace

Listing::Listing(const SourceText& source, const Outline& outline)
    : source_(source), statements_(outline.statements) {
  for (std::size_t i = 0; i < statements_.size(); ++i) {
    const Statement& statement = statements_[i];
    for (const KeyPart& part : statement.key) names_[part.offset] = {part.length, i};
    if (statement.kind != Statement::Kind::kValue) {
      names_[statement.begin] = {statement.end - statement.begin, i};
    }
  }
}

Listing::Listing(const SourceText& source, const TextProblem& problem)
    : source_(source), has_problem_(problem.after_names), problem_(problem.offset) {}

std::string Listing::excerpt(const Position& where, bool shows_value) const {
  const std::size_t offset = source_.offset_of(where);
  if (offset >= source_.text().size()) return {};
  if (has_problem_ && offset == problem_) return before_problem(where, offset);
  const auto name = names_.find(offset);
  if (name != names_.end()) return with_name(where, offset, name->second, shows_value);
  return shows_value ? with_value(where, offset) : std::string();
}

std::string Listing::with_name(const Position& where, std::size_t offset, const Name& name,
                               bool shows_value) const {
  const Statement& statement = statements_[name.statement];
  const std::string_view line = source_.line(where.line);
  const std::size_t start = source_.offset_of(where.line, 1);
  const bool is_value = statement.kind == Statement::Kind::kValue;
  const std::size_t end = std::min(statement.end, start + line.size());
  const std::string_view whole = line.substr(0, end - start);
  const std::size_t begin = offset - start;
  if (!is_value) return marked(whole, begin, name.length);
  const std::size_t value = statement.value - start;
  if (shows_value && end == statement.end && !looks_secret(whole.substr(value))) {
    return marked(whole, begin, name.length);
  }
  const std::string names(line.substr(0, value));
  return marked(names + std::string(kHidden), begin, name.length);
}

std::string Listing::with_value(const Position& where, std::size_t offset) const {
  const auto after = std::upper_bound(
      statements_.begin(), statements_.end(), offset,
      [](std::size_t place, const Statement& statement) { return place < statement.begin; });
  if (after == statements_.begin()) return {};
  const Statement& statement = *std::prev(after);
  const bool inside = statement.kind == Statement::Kind::kValue && offset >= statement.value &&
                      offset < statement.end;
  if (!inside) return {};
  const std::string_view line = source_.line(where.line);
  const std::size_t start = source_.offset_of(where.line, 1);
  const std::size_t line_end = start + line.size();
  const bool is_whole = offset == statement.value;
  const std::size_t wanted =
      is_whole ? statement.end - offset : scalar_length(source_.text(), offset);
  const std::size_t length = std::min(wanted, line_end - offset);
  // A value of several lines may have comments in it; those are not for messages.
  const bool on_one_line = statement.begin >= start && statement.end <= line_end;
  const std::size_t end = on_one_line ? statement.end : offset + length;
  std::string shown(line.substr(0, end - start));
  const std::size_t value = statement.value < start ? 0 : statement.value - start;
  if (looks_secret(std::string_view(shown).substr(value))) return {};
  if (!on_one_line && end < line_end) shown += kHidden;
  return marked(shown, offset - start, length);
}

std::string Listing::before_problem(const Position& where, std::size_t offset) const {
  const std::string_view line = source_.line(where.line);
  const std::size_t begin = offset - source_.offset_of(where.line, 1);
  std::string shown(line.substr(0, begin));
  const bool says_nothing = shown.find_first_not_of(" \t") == shown.npos;
  if (says_nothing || looks_secret(shown)) return {};
  const bool more = begin < line.size() && line.find_first_not_of(" \t", begin) != line.npos;
  if (more) shown += kHidden;
  return marked(shown, begin, more ? kHidden.size() : 1);
}

}  // namespace holdfast::config
