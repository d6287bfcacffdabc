// Unquoted environment variables that stand where a value does, as in `port = ${PORT}`: put in
// before parsing, but only as a number or a bool, so that no variable can bring in other
// configuration.
#pragma once

#include <cstddef>
#include <set>
#include <string>
#include <vector>

#include "config/diagnostics.h"
#include "config/environment.h"
#include "config/outline.h"
#include "config/source_text.h"

namespace holdfast::config {

// The text with its variables replaced, and the way back to where things stood before.
class Substitution {
 public:
  // Variables that are unset or hold something else are reported and stand as 0; see is_invalid.
  Substitution(const SourceText& source, const Outline& outline, const Environment& environment,
               Diagnostics& diagnostics);

  [[nodiscard]] const std::string& text() const { return text_; }
  // Offset in the original text of a byte of text().
  [[nodiscard]] std::size_t original(std::size_t offset) const;
  // True if the value that begins at this original offset was reported.
  [[nodiscard]] bool is_invalid(std::size_t original_offset) const;

 private:
  struct Edit {
    std::size_t original = 0;
    std::size_t original_length = 0;
    std::size_t begin = 0;  // in text_
    std::size_t length = 0;
  };

  std::string text_;
  std::vector<Edit> edits_;
  std::set<std::size_t> invalid_;
};

}  // namespace holdfast::config
