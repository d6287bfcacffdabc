// GlobList: patterns for names, with the rules of Telegraf's filters (telegraf-compat section 2.4).
//
//   *       any run of characters, but not across a separator
//   **      any run of characters
//   ?       one character, but not a separator
//   [abc]   one of them; [a-z] a range; [!a-z] none of them
//   {a,b*}  alternatives, which may nest
//   \x      x as it stands
//
// Case-sensitive, matched against the whole text, by UTF-8 characters. When no pattern of the list
// contains *, ? or [ and there are no separators, all are compared as they stand: `{a,b}` alone is
// then an ordinary text.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "agent/base/result.h"

namespace holdfast::config {

// Compiled once, immutable, thread-safe. An empty list matches nothing.
class GlobList {
 public:
  GlobList() = default;
  // Fails on an unclosed [ or {, on a ] range that runs backwards, on a trailing backslash, and on
  // braces with more than 1000 combinations.
  [[nodiscard]] static base::Result<GlobList> compile(const std::vector<std::string>& patterns,
                                                      std::string_view separators = {});

  [[nodiscard]] bool empty() const { return literals_.empty() && globs_.empty(); }
  // True when the list is compared as it stands.
  [[nodiscard]] bool literal() const { return globs_.empty(); }
  [[nodiscard]] bool matches(std::string_view text) const;

 private:
  enum class Kind : std::uint8_t { kCharacter, kAnyOne, kAnyRun, kAnything, kClass };
  struct Range {
    char32_t first;
    char32_t last;
  };
  struct Token {
    Kind kind = Kind::kCharacter;
    char32_t character = 0;
    bool negated = false;
    std::vector<Range> ranges;
  };
  using Glob = std::vector<Token>;

  [[nodiscard]] static base::Result<Glob> parse(std::string_view pattern);
  [[nodiscard]] bool matches(const Glob& glob, std::string_view text) const;
  [[nodiscard]] bool takes(const Token& token, char32_t character) const;
  [[nodiscard]] bool is_separator(char32_t character) const;

  std::vector<std::string> literals_;
  std::vector<Glob> globs_;
  std::u32string separators_;
};

}  // namespace holdfast::config
