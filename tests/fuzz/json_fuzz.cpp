// Arbitrary bytes as JSON.
#include "tests/fuzz/parser_fuzz.h"

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer's name
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static constexpr std::array kOptions = {
      "data_format = \"json\"\njson_string_fields = [\"*\"]\n",
      "data_format = \"json\"\ntag_keys = [\"h*\"]\njson_name_key = \"m\"\njson_strict = false\n"
      "json_time_key = \"t\"\njson_time_format = \"Mon, _2 Jan 06 03:04:05.000PM -0700\"\n",
      "data_format = \"json\"\njson_query = 'a.#.b'\njson_time_key = \"t\"\n"
      "json_time_format = \"unix_ms\"\n",
      "data_format = \"json\"\njson_query = 'a.0'\ntag_keys = [\"*\"]\n",
  };
  holdfast::test::fuzz_parser(kOptions, data, size);
  return 0;
}
