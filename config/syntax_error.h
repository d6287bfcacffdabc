// Our words for what the TOML library refuses after the outline was sound.
#pragma once

#include <cstddef>

#include "config/outline.h"
#include "config/source_text.h"

namespace holdfast::config {

enum class SyntaxErrorKind {
  kConflict,  // a key or table that is defined already
  kValue,     // a value that is none
};

// The problem at `offset` of the text, with its best place: the key of a conflict, the value
// otherwise. Values never enter the message.
[[nodiscard]] TextProblem explain_syntax_error(SyntaxErrorKind kind, std::size_t offset,
                                               const SourceText& source, const Outline& outline);

}  // namespace holdfast::config
