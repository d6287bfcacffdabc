// The options of the format csv, checked.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "config/schema.h"
#include "inputs/parsers/csv_reader.h"
#include "inputs/parsers/go_time.h"

namespace holdfast::parsers {

struct CsvOptions {
  std::int64_t header_row_count = 0;
  config::StringList column_names;
  config::StringList column_types;
  std::int64_t skip_rows = 0;
  std::int64_t metadata_rows = 0;
  config::StringList metadata_separators;  // longer ones first
  std::string metadata_trim_set;
  std::int64_t skip_columns = 0;
  std::string delimiter = ",";
  std::string comment;
  bool trim_space = false;
  config::StringList tag_columns;
  std::string measurement_column;
  std::string timestamp_column;
  std::string timestamp_format;
  std::string timezone;
  config::StringList skip_values;
  bool skip_errors = false;
  bool tag_overwrite = false;
  std::string reset_mode = "none";
};

struct CsvRules {
  CsvOptions options;
  CsvDialect dialect;
  std::optional<TimeFormat> time;  // if there is a column for it
};

// For documentation.
[[nodiscard]] std::vector<config::OptionInfo> describe_csv_options();
// Takes them from the table; problems go to diagnostics (then the result is not used).
[[nodiscard]] std::shared_ptr<const CsvRules> take_csv_rules(config::Table& table,
                                                             config::Diagnostics& diagnostics);

}  // namespace holdfast::parsers
