// value: the whole text is one value of one field.
#include <cctype>
#include <cmath>
#include <optional>

#include <fmt/core.h>

#include "inputs/parsers/go_values.h"
#include "inputs/parsers/parser.h"

namespace holdfast::parsers {
namespace {

struct ValueOptions {
  std::string data_type = "integer";
  std::string field_name = "value";
};

const config::Schema<ValueOptions>& value_schema() {
  using Options = ValueOptions;
  static const auto schema =
      config::Schema<Options>{}
          .option("data_type", &Options::data_type,
                  "Type of the value. Of numbers and booleans the last word of the text counts; "
                  "auto_integer and auto_float fall back to a string.",
                  {.choices = {"integer", "long", "float", "string", "boolean", "auto_integer",
                               "auto_float"}})
          .option("value_field_name", &Options::field_name, "Name of the field.");
  return schema;
}

bool is_blank(char c) { return std::isspace(static_cast<unsigned char>(c)) != 0 || c == '\0'; }

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

std::string_view last_word(std::string_view text) {
  std::size_t begin = text.size();
  while (begin > 0 && !is_blank(text[begin - 1])) --begin;
  return text.substr(begin);
}

std::optional<double> finite_number_of(std::string_view text) {
  const auto value = number_of<double>(text);
  return value && std::isfinite(*value) ? value : std::nullopt;
}

class ValueParser final : public Parser {
 public:
  ValueParser(ValueOptions options, std::string measurement)
      : options_(std::move(options)), measurement_(std::move(measurement)) {}

  [[nodiscard]] base::Status parse(std::string_view text, const AddPoint& add) override {
    text = trimmed(text);
    const std::string& type = options_.data_type;
    if (text.empty() && type != "string") return base::ok();
    line::Point point(measurement_);
    if (!add_value(text, point)) {
      constexpr std::size_t kShown = 60;
      return base::fail(base::ErrorCode::kInvalid, "line 1: found `{}`, expected {}",
                        last_word(text).substr(0, kShown), type == "boolean" ? "a boolean" : type);
    }
    add(point);
    return base::ok();
  }

 private:
  bool add_value(std::string_view text, line::Point& point) const {
    const std::string& type = options_.data_type;
    const std::string_view word = last_word(text);
    const auto put = [&](const auto& value) {
      if (value) point.field(options_.field_name, *value);
      return value.has_value();
    };
    if (type == "string") return put(std::optional(text));
    if (type == "boolean") return put(boolean_of(word));
    const bool is_float = type == "float" || type == "auto_float";
    if (is_float ? put(finite_number_of(word)) : put(number_of<std::int64_t>(word))) return true;
    return type.starts_with("auto_") && put(std::optional(text));
  }

  ValueOptions options_;
  std::string measurement_;
};

}  // namespace

const Format& value_format() {
  static const Format format{.name = "value",
                             .summary = "A single value",
                             .options = [] { return value_schema().describe(); },
                             .configure = [](config::Table& table, config::Diagnostics& diagnostics,
                                             const ParserContext& context) -> MakeParser {
                               const ValueOptions options =
                                   value_schema().parse(table, diagnostics);
                               return [options, measurement = context.measurement] {
                                 return std::make_unique<ValueParser>(options, measurement);
                               };
                             }};
  return format;
}

}  // namespace holdfast::parsers
