// Environment variables in the configuration.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "agent/base/result.h"

namespace holdfast::config {

// Value of an environment variable, nothing if unset.
using Environment = std::function<std::optional<std::string>(const std::string&)>;

// A copy of this process's environment, taken now: later changes do not reach it, so that all
// files of one load see the same. Thread-safe afterwards.
[[nodiscard]] Environment process_environment();

// Expands a text as Telegraf does:
//   $VAR ${VAR}               the value; the text as it stands if the variable is not set
//   ${VAR:-text} ${VAR-text}  `text` if unset or empty / if unset
//   ${VAR:+text} ${VAR+text}  `text` if set and not empty / if set, else nothing
//   ${VAR:?msg}  ${VAR?msg}   an error with `msg` if unset or empty / if unset
//   $$                        a `$`
// `text` is expanded in turn, up to 32 levels deep; values of variables and `msg` are not. What is
// not one of these forms (a `$` alone, "${1}", a reference of over 4 KiB) is left as it stands.
[[nodiscard]] base::Result<std::string> expand_environment(std::string_view text,
                                                           const Environment& environment);

struct VariableReference {
  std::string name;
  std::size_t length = 0;  // of the whole reference in bytes
};
// The reference ($VAR or ${VAR...}) that `text` begins with, if any.
[[nodiscard]] std::optional<VariableReference> leading_reference(std::string_view text);

}  // namespace holdfast::config
