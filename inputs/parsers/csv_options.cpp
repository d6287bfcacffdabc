// Declaring and checking the options of csv.
#include "inputs/parsers/csv_options.h"

#include <algorithm>
#include <utility>

#include <fmt/core.h>

namespace holdfast::parsers {
namespace {

config::Schema<CsvOptions> rows_schema() {
  using Options = CsvOptions;
  return config::Schema<Options>{}
      .option("csv_header_row_count", &Options::header_row_count,
              "Rows with the names of the columns; those of several rows are joined. With "
              "csv_column_names they are read over.",
              {.min = 0, .max = 1000})
      .option("csv_column_names", &Options::column_names,
              "Names of the columns; needed when there is no header.")
      .option("csv_column_types", &Options::column_types,
              "Types of the columns, in their order. Empty: the first that fits, value by value.",
              {.choices = {"int", "float", "bool", "string"}})
      .option("csv_skip_rows", &Options::skip_rows, "Lines to leave out first.",
              {.min = 0, .max = 1'000'000})
      .option("csv_metadata_rows", &Options::metadata_rows,
              "Lines before the header that hold a tag for all rows: a name, a separator, a value.",
              {.min = 0, .max = 1000})
      .option("csv_metadata_separators", &Options::metadata_separators,
              "What separates them; a longer separator is tried before a shorter one.")
      .option("csv_metadata_trim_set", &Options::metadata_trim_set,
              "Characters to take off both ends of such a name and value.")
      .option("csv_skip_columns", &Options::skip_columns,
              "Columns to leave out, in the header too; csv_column_names begin behind them.",
              {.min = 0, .max = 100'000})
      .option("csv_delimiter", &Options::delimiter, "The character between two fields.")
      .option("csv_comment", &Options::comment,
              "Lines that begin with this character are left out. Empty: none.")
      .option("csv_trim_space", &Options::trim_space, "Take blanks off both ends of values.");
}

const config::Schema<CsvOptions>& csv_schema() {
  using Options = CsvOptions;
  static const auto schema =
      rows_schema()
          .option("csv_tag_columns", &Options::tag_columns, "Columns that become tags.")
          .option("csv_measurement_column", &Options::measurement_column,
                  "The column that holds the measurement. Empty: none.")
          .option("csv_timestamp_column", &Options::timestamp_column,
                  "The column that holds the time; csv_timestamp_format must be set.")
          .option("csv_timestamp_format", &Options::timestamp_format,
                  "How the time is written: unix, unix_ms, unix_us, unix_ns, a name such as "
                  "RFC3339, or a layout of Go such as `2006-01-02 15:04:05`.")
          .option("csv_timezone", &Options::timezone,
                  "Zone of times that say none: UTC, Local or such as Europe/Berlin. Empty: UTC.")
          .option("csv_skip_values", &Options::skip_values,
                  "Values that make no field or tag, such as \"\" or \"n/a\".")
          .option("csv_skip_errors", &Options::skip_errors, "Leave bad rows out without an error.")
          .option("csv_tag_overwrite", &Options::tag_overwrite,
                  "Tags of columns win over those of csv_metadata_rows of the same name.")
          .option("csv_reset_mode", &Options::reset_mode,
                  "When lines to leave out, metadata and header are expected anew: never, or in "
                  "each text (a file, the output of a command).",
                  {.choices = {"none", "always"}});
  return schema;
}

std::size_t characters_in(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U;
  }));
}

// One character that cannot be mistaken for something else, or (for a comment) none.
void check_character(const std::string& text, const char* option, bool may_be_empty,
                     config::Table& table, config::Diagnostics& diagnostics) {
  const bool good = characters_in(text) == 1 && text.find_first_of("\"\r\n") == std::string::npos;
  if (good || (may_be_empty && text.empty())) return;
  diagnostics.error(
      table.where(option),
      fmt::format("`{}` is {}, expected one character that is no quote and no line end", option,
                  config::quoted(text)));
}

void check_columns(const CsvOptions& options, config::Table& table,
                   config::Diagnostics& diagnostics) {
  if (options.header_row_count == 0 && options.column_names.empty()) {
    diagnostics.error(table.where(),
                      "`csv_header_row_count` or `csv_column_names` is needed: without them the "
                      "columns have no names");
  }
  const std::size_t names = options.column_names.size();
  const std::size_t types = options.column_types.size();
  if (names > 0 && types > 0 && names != types) {
    diagnostics.error(table.where("csv_column_types"),
                      fmt::format("`csv_column_types` has {} elements, expected {}, as "
                                  "`csv_column_names` has",
                                  types, names));
  }
  const auto& separators = options.metadata_separators;
  const bool has_empty = std::find(separators.begin(), separators.end(), "") != separators.end();
  if (options.metadata_rows > 0 && (separators.empty() || has_empty)) {
    diagnostics.error(table.where("csv_metadata_rows"),
                      "`csv_metadata_rows` needs `csv_metadata_separators` that are not empty");
  }
}

void set_time(config::Table& table, config::Diagnostics& diagnostics, CsvRules& rules) {
  const CsvOptions& options = rules.options;
  if (options.timestamp_column.empty()) return;
  if (options.timestamp_format.empty()) {
    diagnostics.error(table.where("csv_timestamp_column"),
                      "`csv_timestamp_column` needs `csv_timestamp_format`, which is missing");
    return;
  }
  auto format = TimeFormat::compile(options.timestamp_format, options.timezone);
  if (format) {
    rules.time = std::move(*format);
  } else {
    diagnostics.error(table.where("csv_timestamp_format"),
                      "`csv_timestamp_format` or `csv_timezone`: " + format.error().message);
  }
}

}  // namespace

std::vector<config::OptionInfo> describe_csv_options() { return csv_schema().describe(); }

std::shared_ptr<const CsvRules> take_csv_rules(config::Table& table,
                                               config::Diagnostics& diagnostics) {
  auto rules = std::make_shared<CsvRules>();
  rules->options = csv_schema().parse(table, diagnostics);
  CsvOptions& options = rules->options;
  check_character(options.delimiter, "csv_delimiter", false, table, diagnostics);
  check_character(options.comment, "csv_comment", true, table, diagnostics);
  if (options.delimiter == options.comment) {
    diagnostics.error(table.where("csv_comment"), "`csv_comment` is the same as `csv_delimiter`");
  }
  check_columns(options, table, diagnostics);
  std::stable_sort(options.metadata_separators.begin(), options.metadata_separators.end(),
                   [](const auto& a, const auto& b) { return a.size() > b.size(); });
  rules->dialect = {options.delimiter, options.comment, options.trim_space};
  set_time(table, diagnostics, *rules);
  return rules;
}

}  // namespace holdfast::parsers
