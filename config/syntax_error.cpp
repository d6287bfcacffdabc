// Explains syntax errors by the statement they stand in. See syntax_error.h.
#include "config/syntax_error.h"

#include <algorithm>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

namespace holdfast::config {
namespace {

using Names = std::vector<std::string>;

// All names from the root to what the statement defines.
Names full_path(const Outline& outline, const Statement& statement) {
  Names out;
  const bool is_value = statement.kind == Statement::Kind::kValue;
  if (is_value && statement.header != kNoHeader) {
    for (const KeyPart& part : outline.statements[statement.header].key) out.push_back(part.text);
  }
  for (const KeyPart& part : statement.key) out.push_back(part.text);
  return out;
}

bool begins_with(const Names& path, const Names& start) {
  return start.size() <= path.size() && std::equal(start.begin(), start.end(), path.begin());
}

// The last statement before `at` that defines the same, or else one inside the other.
const Statement* earlier_definition(const Outline& outline, std::size_t at) {
  const Names path = full_path(outline, outline.statements[at]);
  const Statement* overlapping = nullptr;
  while (at-- > 0) {
    const Statement& candidate = outline.statements[at];
    const Names other = full_path(outline, candidate);
    if (other == path) return &candidate;
    const bool inside_value = candidate.kind == Statement::Kind::kValue && begins_with(path, other);
    const bool collides = inside_value || begins_with(other, path);
    if (collides && overlapping == nullptr) overlapping = &candidate;
  }
  return overlapping;
}

std::string shown(const Statement& statement) {
  const std::string name = dotted(statement.key);
  switch (statement.kind) {
    case Statement::Kind::kTable:
      return fmt::format("[{}]", name);
    case Statement::Kind::kTableArray:
      return fmt::format("[[{}]]", name);
    default:
      return fmt::format("`{}`", name);
  }
}

TextProblem conflict(std::size_t at, const SourceText& source, const Outline& outline) {
  const Statement& statement = outline.statements[at];
  const Statement* earlier = earlier_definition(outline, at);
  const std::size_t place = statement.key.back().offset;
  if (earlier == nullptr) return {place, fmt::format("{} is defined twice", shown(statement))};
  const std::size_t line = source.line_of(earlier->begin);
  if (full_path(outline, *earlier) == full_path(outline, statement) &&
      earlier->kind == statement.kind) {
    return {place,
            fmt::format("{} is defined twice; it is on line {} already", shown(statement), line)};
  }
  return {place,
          fmt::format("{} conflicts with {} on line {}", shown(statement), shown(*earlier), line)};
}

// The key of the last value that begins at or before `offset`; null if there is none.
const std::pair<const std::size_t, KeyParts>* key_before(const Outline& outline,
                                                         std::size_t offset) {
  const auto after = outline.key_of_value.upper_bound(offset);
  if (after == outline.key_of_value.begin()) return nullptr;
  return &*outline.keys.find(std::prev(after)->second);
}

}  // namespace

TextProblem explain_syntax_error(SyntaxErrorKind kind, std::size_t offset, const SourceText& source,
                                 const Outline& outline) {
  const auto& statements = outline.statements;
  const auto after = std::upper_bound(
      statements.begin(), statements.end(), offset,
      [](std::size_t place, const Statement& statement) { return place < statement.begin; });
  if (after == statements.begin()) return {offset, "this is not valid TOML"};
  const auto at = static_cast<std::size_t>(after - statements.begin()) - 1;
  const Statement& statement = statements[at];
  const bool is_value = statement.kind == Statement::Kind::kValue;
  const auto* key = key_before(outline, std::max(offset, statement.value));
  if (kind == SyntaxErrorKind::kConflict) {
    const bool inside = is_value && offset > statement.value && key != nullptr;
    if (!inside) return conflict(at, source, outline);
    return {key->first,
            fmt::format("`{}` is defined twice in its inline table", dotted(key->second))};
  }
  if (!is_value || key == nullptr)
    return {offset, fmt::format("{} is not valid TOML", shown(statement))};
  const bool nested =
      std::string_view("[{").find(source.text()[statement.value]) != std::string_view::npos;
  return {nested ? std::max(offset, statement.value) : statement.value,
          fmt::format("the value of `{}` is not valid TOML: neither a number nor a date; a text "
                      "needs quotes",
                      dotted(key->second))};
}

}  // namespace holdfast::config
