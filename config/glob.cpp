// Globs are brought into a flat form (braces expanded, one list of tokens a combination) and
// matched by following all positions of a token list at once: linear in the text, no backtracking.
#include "config/glob.h"

#include <algorithm>
#include <bit>
#include <optional>
#include <utility>

namespace holdfast::config {
namespace {

constexpr std::size_t kMaxCombinations = 1000;
constexpr char32_t kNotUtf8 = 0x110000;  // bytes that are no UTF-8 stand for themselves, from here

// Takes one character off `rest`, which is not empty.
char32_t next_character(std::string_view& rest) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(rest[i]); };
  const unsigned char lead = byte(0);
  std::size_t size = 1;
  char32_t value = lead;
  if (lead >= 0xC2 && lead < 0xE0) {
    size = 2;
    value = lead & 0x1FU;
  } else if (lead >= 0xE0 && lead < 0xF0) {
    size = 3;
    value = lead & 0x0FU;
  } else if (lead >= 0xF0 && lead < 0xF5) {
    size = 4;
    value = lead & 0x07U;
  } else if (lead >= 0x80) {
    value = kNotUtf8 + lead;
  }
  bool good = size <= rest.size();
  for (std::size_t i = 1; good && i < size; ++i) {
    good = (byte(i) & 0xC0U) == 0x80U;
    value = (value << 6U) | (byte(i) & 0x3FU);
  }
  if (!good) {
    size = 1;
    value = kNotUtf8 + lead;
  }
  rest.remove_prefix(size);
  return value;
}

// Places between the tokens of a glob, one bit each. Few globs have so many that they need memory.
class Places {
 public:
  explicit Places(std::size_t count) : more_((count - 1) / kBits) {}

  void add(std::size_t place) { word(place / kBits) |= std::uint64_t{1} << place % kBits; }
  [[nodiscard]] bool contains(std::size_t place) {
    return (word(place / kBits) >> place % kBits & 1U) != 0;
  }
  void clear() {
    first_ = 0;
    std::fill(more_.begin(), more_.end(), 0);
  }
  template <class Visit>
  void for_each(const Visit& visit) {
    for (std::size_t i = 0; i <= more_.size(); ++i) {
      for (std::uint64_t left = word(i); left != 0; left &= left - 1) {
        visit(i * kBits + static_cast<std::size_t>(std::countr_zero(left)));
      }
    }
  }

 private:
  static constexpr std::size_t kBits = 64;
  [[nodiscard]] std::uint64_t& word(std::size_t i) { return i == 0 ? first_ : more_[i - 1]; }

  std::uint64_t first_ = 0;
  std::vector<std::uint64_t> more_;
};

std::u32string characters(std::string_view text) {
  std::u32string all;
  all.reserve(text.size());
  while (!text.empty()) all.push_back(next_character(text));
  return all;
}

bool has_wildcard(std::string_view pattern) {
  return pattern.find_first_of("*?[") != std::string_view::npos;
}

// The end of a [class] that opens at `at`: the place of its ']', npos if it is not closed.
std::size_t end_of_class(std::string_view pattern, std::size_t at) {
  for (std::size_t i = at + 1; i < pattern.size(); ++i) {
    if (pattern[i] == '\\') {
      ++i;
    } else if (pattern[i] == ']') {
      return i;
    }
  }
  return std::string_view::npos;
}

struct Braces {
  std::size_t open = std::string_view::npos;
  std::size_t close = std::string_view::npos;
  std::vector<std::string_view> choices;
};

// The first {..} that is neither escaped nor within a class; open is npos when there is none,
// close when it is not closed.
Braces find_braces(std::string_view pattern) {
  Braces found;
  std::size_t depth = 0;
  std::size_t start = 0;
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    const char c = pattern[i];
    if (c == '\\') {
      ++i;
    } else if (c == '[') {
      const auto end = end_of_class(pattern, i);
      if (end == std::string_view::npos) break;
      i = end;
    } else if (c == '{') {
      if (depth++ == 0) {
        found.open = i;
        start = i + 1;
      }
    } else if (c == ',' && depth == 1) {
      found.choices.push_back(pattern.substr(start, i - start));
      start = i + 1;
    } else if (c == '}' && depth > 0 && --depth == 0) {
      found.choices.push_back(pattern.substr(start, i - start));
      found.close = i;
      return found;
    }
  }
  return found;
}

// The pattern with its braces written out. Works on a list of patterns still to expand, so that
// nesting costs no stack.
base::Result<std::vector<std::string>> expand_braces(const std::string& pattern) {
  std::vector<std::string> done;
  std::vector<std::string> open{pattern};
  while (!open.empty()) {
    const std::string one = std::move(open.back());
    open.pop_back();
    const Braces braces = find_braces(one);
    if (braces.open == std::string_view::npos) {
      done.push_back(one);
    } else if (braces.close == std::string_view::npos) {
      return base::fail(base::ErrorCode::kInvalid, "`{}`: expected a `}}` for the `{{`", pattern);
    } else {
      for (const auto choice : braces.choices) {
        open.push_back(one.substr(0, braces.open) + std::string(choice) +
                       one.substr(braces.close + 1));
      }
    }
    if (done.size() + open.size() > kMaxCombinations) {
      return base::fail(base::ErrorCode::kInvalid, "`{}`: more than {} combinations", pattern,
                        kMaxCombinations);
    }
  }
  return done;
}

}  // namespace

base::Result<GlobList> GlobList::compile(const std::vector<std::string>& patterns,
                                         std::string_view separators) {
  GlobList list;
  list.separators_ = characters(separators);
  if (separators.empty() && std::none_of(patterns.begin(), patterns.end(), has_wildcard)) {
    list.literals_ = patterns;
    return list;
  }
  for (const std::string& pattern : patterns) {
    const auto expanded = expand_braces(pattern);
    if (!expanded) return tl::unexpected(expanded.error());
    for (const std::string& one : *expanded) {
      auto glob = parse(one);
      if (!glob) return tl::unexpected(glob.error());
      list.globs_.push_back(std::move(*glob));
    }
  }
  return list;
}

base::Result<GlobList::Glob> GlobList::parse(std::string_view pattern) {
  const auto bad = [&](std::string_view what) {
    return base::fail(base::ErrorCode::kInvalid, "`{}`: {}", pattern, what);
  };
  Glob glob;
  std::string_view rest = pattern;
  // One character, an escaped one included; nothing when a backslash ends the pattern.
  const auto take = [&]() -> std::optional<char32_t> {
    if (rest.starts_with('\\')) rest.remove_prefix(1);
    if (rest.empty()) return std::nullopt;
    return next_character(rest);
  };
  while (!rest.empty()) {
    Token token;
    if (rest.starts_with("**")) {
      rest.remove_prefix(2);
      token.kind = Kind::kAnything;
    } else if (rest.front() == '*') {
      rest.remove_prefix(1);
      token.kind = Kind::kAnyRun;
    } else if (rest.front() == '?') {
      rest.remove_prefix(1);
      token.kind = Kind::kAnyOne;
    } else if (rest.front() == '[') {
      rest.remove_prefix(1);
      token.kind = Kind::kClass;
      token.negated = rest.starts_with('!');
      if (token.negated) rest.remove_prefix(1);
      while (!rest.starts_with(']')) {
        const auto first = take();
        if (!first) return bad("expected a `]` for the `[`");
        auto last = first;
        if (rest.size() > 1 && rest[0] == '-' && rest[1] != ']') {
          rest.remove_prefix(1);
          last = take();
        }
        if (!last) return bad("expected a `]` for the `[`");
        if (*last < *first) return bad("expected a range that runs upwards");
        token.ranges.push_back(Range{*first, *last});
      }
      rest.remove_prefix(1);
      if (token.ranges.empty()) return bad("expected characters within `[]`");
    } else {
      const auto character = take();
      if (!character) return bad("expected a character after the `\\`");
      token.character = *character;
    }
    glob.push_back(std::move(token));
  }
  return glob;
}

bool GlobList::matches(std::string_view text) const {
  if (std::find(literals_.begin(), literals_.end(), text) != literals_.end()) return true;
  return std::any_of(globs_.begin(), globs_.end(),
                     [&](const Glob& glob) { return matches(glob, text); });
}

bool GlobList::matches(const Glob& glob, std::string_view text) const {
  // Most texts differ already in the characters that a glob begins with.
  std::size_t fixed = 0;
  for (; fixed < glob.size() && glob[fixed].kind == Kind::kCharacter; ++fixed) {
    if (text.empty() || next_character(text) != glob[fixed].character) return false;
  }
  const auto is_run = [&](std::size_t i) {
    return glob[i].kind == Kind::kAnyRun || glob[i].kind == Kind::kAnything;
  };
  // The tokens before a place can match the text so far. A run can match nothing.
  const auto reach = [&](Places& places, std::size_t i) {
    places.add(i);
    for (; i < glob.size() && is_run(i); ++i) places.add(i + 1);
  };
  Places at(glob.size() + 1);
  Places next(glob.size() + 1);
  reach(at, fixed);
  while (!text.empty()) {
    const char32_t character = next_character(text);
    next.clear();
    at.for_each([&](std::size_t i) {
      if (i < glob.size() && takes(glob[i], character)) reach(next, is_run(i) ? i : i + 1);
    });
    std::swap(at, next);
  }
  return at.contains(glob.size());
}

bool GlobList::takes(const Token& token, char32_t character) const {
  switch (token.kind) {
    case Kind::kAnything:
      return true;
    case Kind::kAnyRun:
    case Kind::kAnyOne:
      return !is_separator(character);
    case Kind::kClass:
      return token.negated !=
             std::any_of(token.ranges.begin(), token.ranges.end(), [&](const Range& range) {
               return range.first <= character && character <= range.last;
             });
    case Kind::kCharacter:
      break;
  }
  return token.character == character;
}

bool GlobList::is_separator(char32_t character) const {
  return separators_.find(character) != std::u32string::npos;
}

}  // namespace holdfast::config
