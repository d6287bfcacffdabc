// The text of a configuration file as it may be shown below a message: compilers print the line,
// but here a line can hold a password.
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "config/diagnostics.h"
#include "config/outline.h"
#include "config/source_text.h"

namespace holdfast::config {

// Immutable. What is shown of a line is the names in it, up to the one that is meant ("..." for the
// value); the value too if the caller says that its option is known and no secret, unless the line
// looks as if it held one all the same.
class Listing {
 public:
  Listing(const SourceText& source, const Outline& outline);
  // Of a file whose syntax is wrong: shows the names before that place, nothing of what follows.
  Listing(const SourceText& source, const TextProblem& problem);

  [[nodiscard]] const std::shared_ptr<const std::string>& file() const { return source_.file(); }
  // Two lines, the text and the mark `^~~~` below it; empty if nothing may be shown.
  [[nodiscard]] std::string excerpt(const Position& where, bool shows_value) const;

 private:
  struct Name {
    std::size_t length = 0;
    std::size_t statement = 0;
  };

  [[nodiscard]] std::string with_name(const Position& where, std::size_t offset, const Name& name,
                                      bool shows_value) const;
  [[nodiscard]] std::string with_value(const Position& where, std::size_t offset) const;
  [[nodiscard]] std::string before_problem(const Position& where, std::size_t offset) const;

  SourceText source_;
  std::vector<Statement> statements_;
  std::map<std::size_t, Name> names_;  // of headers and of keys at the beginning of a line
  bool has_problem_ = false;
  std::size_t problem_ = 0;  // offset of the problem, if something may be shown of its line
};

}  // namespace holdfast::config
