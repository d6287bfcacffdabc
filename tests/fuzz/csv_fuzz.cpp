// Arbitrary bytes as CSV.
#include "tests/fuzz/parser_fuzz.h"

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer's name
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static constexpr std::array kOptions = {
      "data_format = \"csv\"\ncsv_header_row_count = 1\n",
      "data_format = \"csv\"\ncsv_header_row_count = 2\ncsv_skip_rows = 1\ncsv_skip_columns = 1\n"
      "csv_metadata_rows = 1\ncsv_metadata_separators = [\":\", \"=\"]\ncsv_comment = \"#\"\n"
      "csv_metadata_trim_set = \" #\"\ncsv_trim_space = true\ncsv_reset_mode = \"always\"\n",
      "data_format = \"csv\"\ncsv_column_names = [\"m\", \"tag\", \"t\", \"a\"]\n"
      "csv_measurement_column = \"m\"\ncsv_tag_columns = [\"tag\"]\ncsv_timestamp_column = \"t\"\n"
      "csv_timestamp_format = \"2006-01-02T15:04:05.999 MST\"\ncsv_delimiter = \";\"\n"
      "csv_timezone = \"Europe/Berlin\"\ncsv_skip_errors = true\ncsv_skip_values = [\"x\"]\n",
      "data_format = \"csv\"\ncsv_column_names = [\"t\", \"a\", \"b\", \"c\"]\n"
      "csv_column_types = [\"string\", \"int\", \"float\", \"bool\"]\n"
      "csv_timestamp_column = \"t\"\ncsv_timestamp_format = \"unix\"\ncsv_tag_overwrite = true\n",
  };
  holdfast::test::fuzz_parser(kOptions, data, size);
  return 0;
}
