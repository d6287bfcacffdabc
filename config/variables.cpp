// Replaces unquoted environment variables by the numbers and bools they hold. See variables.h.
#include "config/variables.h"

#include <optional>
#include <string_view>

#include <fmt/format.h>

#include "config/scalar.h"

namespace holdfast::config {
namespace {

// The value to put in; otherwise what is wrong, without the value or a default: they may be secret.
tl::expected<std::string, std::string> number_or_bool(const VariableValue& variable,
                                                      std::string_view as_written,
                                                      const Environment& environment) {
  auto value = expand_environment(as_written, environment);
  if (!value) return tl::unexpected(fmt::format("`{}`: {}", variable.key, value.error().message));
  if (is_number_or_bool(*value)) return *value;
  const std::string shown = fmt::format("${{{}}}", variable.name);
  if (*value == as_written) {
    return tl::unexpected(
        fmt::format("`{}` is {}, which is not set in the environment; expected a number or a bool",
                    variable.key, shown));
  }
  return tl::unexpected(
      fmt::format("`{}` is {}, which does not hold a number or a bool; a text needs quotes",
                  variable.key, shown));
}

}  // namespace

Substitution::Substitution(const SourceText& source, const Outline& outline,
                           const Environment& environment, Diagnostics& diagnostics) {
  const std::string_view text = source.text();
  std::size_t copied = 0;
  for (const VariableValue& variable : outline.variables) {
    text_ += text.substr(copied, variable.offset - copied);
    copied = variable.offset + variable.length;
    const auto value =
        number_or_bool(variable, text.substr(variable.offset, variable.length), environment);
    if (!value) {
      diagnostics.error(source.position(variable.offset), value.error());
      invalid_.insert(variable.offset);
    }
    const std::string put_in = value.value_or("0");
    edits_.push_back({variable.offset, variable.length, text_.size(), put_in.size()});
    text_ += put_in;
  }
  text_ += text.substr(copied);
}

std::size_t Substitution::original(std::size_t offset) const {
  std::size_t out = offset;
  for (const Edit& edit : edits_) {
    if (offset < edit.begin) break;
    if (offset < edit.begin + edit.length) return edit.original;
    out = offset - (edit.begin + edit.length) + edit.original + edit.original_length;
  }
  return out;
}

bool Substitution::is_invalid(std::size_t original_offset) const {
  return invalid_.count(original_offset) != 0;
}

}  // namespace holdfast::config
